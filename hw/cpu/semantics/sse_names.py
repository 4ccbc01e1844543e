"""Vector instructions that the host executes for the guest, by shape, in the host's own spelling.

State: none. Context: any.
"""

from typing import Final

COMPARISONS: Final = ("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord")
_SIZES: Final = (("s", 32), ("d", 64))


def with_immediate(name: str, value: int) -> str:
    """An instruction with an immediate before its operands."""
    return f"{name} $${value},"


# Integers and moves: no exceptions but those of memory.

#: Sixteen-byte memory operand, register to register; SSE and SSE2.
INTEGER: Final = (
    *(f"padd{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"psub{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"pcmp{c}{t}" for c in ("eq", "gt") for t in "bwd"),
    "pand", "pandn", "por", "pxor", "pmaxub", "pmaxsw", "pminub", "pminsw", "pavgb", "pavgw",
    "pmullw", "pmulhw", "pmulhuw", "pmuludq", "pmaddwd", "psadbw", "packsswb", "packssdw",
    "packuswb", *(f"punpck{h}{t}" for h in "lh" for t in ("bw", "wd", "dq", "qdq")),
    *(f"ps{d}{t}" for d in ("ll", "rl", "ra") for t in "wdq" if (d, t) != ("ra", "q")),
    *(f"{o}p{t}" for o in ("and", "andn", "or", "xor", "unpckl", "unpckh") for t in "sd"),
)  # fmt: skip
#: The same of SSE3 to SSE4.2.
LATER_INTEGER: Final = (
    "movsldup", "movshdup",
    "pshufb", "phaddw", "phaddd", "phaddsw", "phsubw", "phsubd", "phsubsw", "pmaddubsw",
    "pmulhrsw", *(f"{o}{t}" for o in ("psign", "pabs") for t in "bwd"),
    "pmuldq", "pmulld", "pcmpeqq", "pcmpgtq", "packusdw", "phminposuw",
    *(f"p{o}{t}" for o in ("min", "max") for t in ("sb", "sd", "uw", "ud")),
)  # fmt: skip
#: Widening moves: the size of the memory operand.
WIDENING: Final = {
    "movddup": 64,
    **{f"pmov{e}x{kind}": bits for e in "sz"
       for kind, bits in (("bw", 64), ("bd", 32), ("bq", 16), ("wd", 64), ("wq", 32), ("dq", 64))},
}  # fmt: skip
#: Shifts that also take an immediate.
SHIFTS: Final = ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad")
#: Signs of the elements to a general register.
SIGNS: Final = ("pmovmskb", "movmskps", "movmskpd")

# Floating point: rounded and flagged under MXCSR.

#: Instructions with a sixteen-byte, a scalar or another memory operand: its size.
FLOATS: Final = {
    **{f"{o}p{t}": 128 for o in ("add", "sub", "mul", "div", "min", "max", "sqrt") for t in "sd"},
    **{f"{o}p{t}": 128 for o in ("hadd", "hsub", "addsub") for t in "sd"},
    **{f"{o}s{t}": bits for o in ("add", "sub", "mul", "div", "min", "max", "sqrt")
       for t, bits in _SIZES},
    **{f"cmp{c}p{t}": 128 for c in COMPARISONS for t in "sd"},
    **{f"cmp{c}s{t}": bits for c in COMPARISONS for t, bits in _SIZES},
    **dict.fromkeys(
        ("cvtdq2ps", "cvtps2dq", "cvttps2dq", "cvtpd2dq", "cvttpd2dq", "cvtpd2ps"), 128),
    "cvtss2sd": 32, "cvtsd2ss": 64, "cvtps2pd": 64, "cvtdq2pd": 64,
}  # fmt: skip
#: Instructions whose exact results can be too small for a normal number: bits of an element.
TINY: Final = {
    **{f"{o}{k}{t}": bits for o in ("add", "sub", "mul", "div")
       for k in "ps" for t, bits in _SIZES},
    **{f"{o}p{t}": bits for o in ("hadd", "hsub", "addsub") for t, bits in _SIZES},
    "cvtsd2ss": 32, "cvtpd2ps": 32,
}  # fmt: skip
#: ROUNDPS and its like: the size of the memory operand.
ROUNDS: Final = {"roundps": 128, "roundpd": 128, "roundss": 32, "roundsd": 64}
#: Their immediates that differ: four modes and MXCSR's, without and with precision exceptions off.
ROUND_IMMEDIATES: Final = (0, 1, 2, 3, 4, 8, 9, 10, 11, 12)
COMPARES: Final = {"comiss": 32, "ucomiss": 32, "comisd": 64, "ucomisd": 64}
FROM_INTEGER: Final = (32, 64)
TO_INTEGER: Final = {"cvtss2si": 32, "cvttss2si": 32, "cvtsd2si": 64, "cvttsd2si": 64}
