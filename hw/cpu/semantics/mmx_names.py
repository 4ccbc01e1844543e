"""MMX operations that are the low half of an SSE operation, by shape.

State: none. Context: any.
"""

from typing import Final

#: The low half of the result follows from the low halves of the operands.
PLAIN: Final = (
    *(f"padd{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"psub{t}" for t in ("b", "w", "d", "q", "sb", "sw", "usb", "usw")),
    *(f"pcmp{c}{t}" for c in ("eq", "gt") for t in "bwd"),
    "pand", "pandn", "por", "pxor", "pmaxub", "pmaxsw", "pminub", "pminsw", "pavgb", "pavgw",
    "pmullw", "pmulhw", "pmulhuw", "pmuludq", "pmaddwd", "psadbw", "pmaddubsw", "pmulhrsw",
    *(f"psign{t}" for t in "bwd"), *(f"pabs{t}" for t in "bwd"),
)  # fmt: skip
#: Both operands side by side in one register: of these the low half is the result.
JOINED: Final = (
    "packsswb", "packssdw", "packuswb",
    *(f"ph{o}{t}" for o in ("add", "sub") for t in ("w", "d", "sw")),
)  # fmt: skip
#: Interleaving: the low half of the SSE result is one, its high half the other.
UNPACK_LOW: Final = ("punpcklbw", "punpcklwd", "punpckldq")
UNPACK_HIGH: Final = ("punpckhbw", "punpckhwd", "punpckhdq")
#: Shifts, which also take an immediate.
SHIFTS: Final = ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad")
#: From an MMX operand to a vector register: the SSE conversion of integers, its result's bits.
FROM_MMX: Final = {"cvtpi2ps": ("cvtdq2ps", 64), "cvtpi2pd": ("cvtdq2pd", 128)}
#: From a vector operand of so many bits to an MMX register.
TO_MMX: Final = {
    "cvtps2pi": ("cvtps2dq", 64), "cvttps2pi": ("cvttps2dq", 64),
    "cvtpd2pi": ("cvtpd2dq", 128), "cvttpd2pi": ("cvttpd2dq", 128),
}  # fmt: skip
