"""Random programs: straight lines with forward jumps, where flags live, die and fuse.

Single instructions cannot show that a flag was wrongly thought dead, that a fused pair goes the
wrong way, or that a fault in the middle of a block shows stale state; these can.
"""

import random

from tests.differential import forms
from tests.differential.forms import Case, Pool

#: r12 to r15 make up addresses and are never written.
_POOL = Pool(operands=(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11), bases=(12, 13, 14, 15), relative=False)
_WITHOUT = (
    "PUSH", "POP", "ENTER", "LEAVE", "LAHF", "SAHF", "MOVS", "STOS", "LODS", "SCAS", "CMPS", "XLAT",
    "STD", "RCP", "RSQRT", "MASKMOV", "RDPMC", "BT", "MUL", "DIV", "IDIV", "INVALID", "XCHG_R",
    "CMPXCHG16B",
    *("FSIN", "FCOS", "FPTAN", "FPATAN", "FYL2X", "F2XM1", "FNSTENV", "FNSAVE", "FXSAVE"),
)  # fmt: skip
_OF_OR_CF = 1 << 11 | 1 << 0 | 1 << 7 | 1 << 6 | 1 << 2
_AF = 1 << 4


def usable() -> list[str]:
    """Encodings for random programs, the frequent ones more often."""
    names = [n for n in forms.claimed() if not n.startswith(_WITHOUT) and "MOFFS" not in n]
    frequent = (
        "ADD",
        "SUB",
        "CMP",
        "TEST",
        "AND",
        "XOR",
        "MOV_",
        "LEA",
        "SHL",
        "SHR",
        "INC",
        "DEC",
    )
    return names + 3 * [n for n in names if n.startswith(frequent)] + ["BT_RM32_R32"]


def make(names: list[str], rng: random.Random, ip: int, length: int) -> Case:
    """A random program of about ``length`` instructions."""
    pinned: dict[int, int] = {}
    chunks: list[bytes] = []
    texts: list[str] = []
    while len(chunks) < length:
        case = forms.make(rng.choice(names), rng, ip, _POOL)
        if case is None or any(pinned.get(k, v) != v for k, v in case.pinned.items()):
            continue
        pinned |= case.pinned
        chunks.append(case.code)
        texts.append(case.text)
        if case.undefined & _OF_OR_CF:
            chunks[-1] += b"\x01\xd8"  # add eax, ebx: all flags defined again
            texts.append("add eax,ebx")
    return Case("program", _with_jumps(chunks, texts, rng), pinned, _AF, " | ".join(texts))


def _with_jumps(chunks: list[bytes], texts: list[str], rng: random.Random) -> bytes:
    """Put conditional jumps over some of the chunks before them."""
    pieces: list[bytes] = []
    for k, chunk in reversed(list(enumerate(chunks))):
        piece = chunk
        skipped = chunk + b"".join(pieces[: rng.randint(0, 2)])
        if rng.random() < 0.25 and len(skipped) < 120:
            code = rng.randrange(16)
            piece = bytes((0x70 + code, len(skipped))) + chunk
            texts.append(f"j{code} over {len(skipped)} bytes before {k}")
        pieces.insert(0, piece)
    return b"".join(pieces)
