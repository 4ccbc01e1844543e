"""SSE and SSE2 instructions that the host executes for the guest, by shape.

State: none. Context: any.
"""

from typing import Final

_COMPARISONS: Final = ("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord")

#: Sixteen-byte memory operand, register to register.
PACKED: Final = (
    *(f"padd{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"psub{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"pcmp{c}{t}" for c in ("eq", "gt") for t in "bwd"),
    "pand", "pandn", "por", "pxor", "pmaxub", "pmaxsw", "pminub", "pminsw", "pavgb", "pavgw",
    "pmullw", "pmulhw", "pmulhuw", "pmuludq", "pmaddwd", "psadbw", "packsswb", "packssdw",
    "packuswb", *(f"punpck{h}{t}" for h in "lh" for t in ("bw", "wd", "dq", "qdq")),
    *(f"ps{d}{t}" for d in ("ll", "rl", "ra") for t in "wdq" if (d, t) != ("ra", "q")),
    *(f"{o}p{t}" for o in ("add", "sub", "mul", "div", "min", "max", "sqrt") for t in "sd"),
    *(f"{o}p{t}" for o in ("and", "andn", "or", "xor", "unpckl", "unpckh") for t in "sd"),
    "cvtdq2ps", "cvtps2dq", "cvttps2dq", "cvtpd2dq", "cvttpd2dq", "cvtpd2ps",
    *(f"cmp{c}p{t}" for c in _COMPARISONS for t in "sd"),
)  # fmt: skip
#: Scalars: the size of the memory operand.
SCALAR: Final = {
    **{f"{o}s{t}": b for o in ("add", "sub", "mul", "div", "min", "max", "sqrt")
       for t, b in (("s", 32), ("d", 64))},
    **{f"cmp{c}s{t}": b for c in _COMPARISONS for t, b in (("s", 32), ("d", 64))},
}  # fmt: skip
#: Conversions between vectors whose memory operand is shorter.
CONVERSIONS: Final = {"cvtss2sd": 32, "cvtsd2ss": 64, "cvtps2pd": 64, "cvtdq2pd": 64}
#: Shifts that also take an immediate.
SHIFTS: Final = ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad")
COMPARES: Final = {"comiss": 32, "ucomiss": 32, "comisd": 64, "ucomisd": 64}
FROM_INTEGER: Final = (32, 64)
TO_INTEGER: Final = {"cvtss2si": 32, "cvttss2si": 32, "cvtsd2si": 64, "cvttsd2si": 64}
MASKS: Final = ("pmovmskb", "movmskps", "movmskpd")
COMPARISONS: Final = _COMPARISONS
