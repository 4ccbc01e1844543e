"""Random programs: straight lines with forward jumps, where flags live, die and fuse.

Single instructions cannot show that a flag was wrongly thought dead, that a fused pair goes the
wrong way, or that a fault in the middle of a block shows stale state; these can. A program that
fails is made small before it is shown.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from hw.cpu.flags import CONDITIONS
from tests.differential import forms
from tests.differential.forms import Case, Pool
from tests.differential.host import DATA
from tests.differential.host_features import host_executes

#: r12 to r14 make up addresses and are never written.
_POOL = Pool(
    operands=(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 15),
    bases=(12, 13, 14),
    relative=False,
    fixed={12: DATA + 0x900, 13: 0x21, 14: (1 << 64) - 0x13},
)
_WITHOUT = (
    "PUSH", "POP", "ENTER", "LEAVE", "LAHF", "SAHF", "MOVS", "STOS", "LODS", "SCAS", "CMPS", "XLAT",
    "STD", "RCP", "RSQRT", "MASKMOV", "RDPMC", "BT", "MUL", "DIV", "IDIV", "INVALID", "XCHG_R",
    "CMPXCHG16B",
    *("FSIN", "FCOS", "FPTAN", "FPATAN", "FYL2X", "F2XM1", "FNSTENV", "FNSAVE", "FXSAVE", "FRSTOR",
      "FLDENV", "FXRSTOR"),
)  # fmt: skip
_OF_OR_CF = 1 << 11 | 1 << 0 | 1 << 7 | 1 << 6 | 1 << 2
_AF = 1 << 4


def usable() -> list[str]:
    """Encodings for random programs, the frequent ones more often."""
    names = [n for n in forms.claimed() if not n.startswith(_WITHOUT) and "MOFFS" not in n]
    names = [n for n in names if host_executes(n)]
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


@dataclass(frozen=True)
class Program:
    """Instructions in order, and conditional jumps over some of them."""

    pieces: tuple[tuple[str, bytes], ...]  #: text and code
    jumps: dict[int, tuple[int, int]]  #: before which piece: condition, pieces jumped over
    pinned: dict[int, int]

    def case(self) -> Case:
        """The program as one case."""
        code: list[bytes] = []
        texts: list[str] = []
        for k in range(len(self.pieces) - 1, -1, -1):
            text, piece = self.pieces[k]
            condition, over = self.jumps.get(k, (0, 0))
            skipped = len(piece) + sum(map(len, code[:over]))
            if k in self.jumps and skipped < 128:
                piece = bytes((0x70 + condition, skipped)) + piece
                text = f"j{CONDITIONS[condition]} .+{skipped + 2} | {text}"
            code.insert(0, piece)
            texts.insert(0, text)
        return Case("program", b"".join(code), self.pinned, _AF, " | ".join(texts))

    def without(self, first: int, last: int) -> "Program":
        """The program less the pieces from ``first`` up to ``last``."""
        gone = last - first
        jumps = {
            k if k < first else k - gone: jump
            for k, jump in self.jumps.items()
            if not first <= k < last
        }
        return Program(self.pieces[:first] + self.pieces[last:], jumps, self.pinned)


def make(names: list[str], rng: random.Random, ip: int, length: int) -> Program:
    """A random program of about ``length`` instructions."""
    pinned: dict[int, int] = {}
    pieces: list[tuple[str, bytes]] = []
    while len(pieces) < length:
        case = forms.make(rng.choice(names), rng, ip, _POOL)
        if case is None or any(pinned.get(k, v) != v for k, v in case.pinned.items()):
            continue
        pinned |= case.pinned
        if case.undefined & _OF_OR_CF:  # add eax, ebx: all flags defined again
            pieces.append((f"{case.text} | add eax,ebx", case.code + b"\x01\xd8"))
        else:
            pieces.append((case.text, case.code))
    jumps = {
        k: (rng.randrange(16), rng.randint(0, 3)) for k in range(length) if rng.random() < 0.25
    }
    return Program(tuple(pieces), jumps, pinned)


def minimise(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A program that still fails and from which no piece can be taken."""
    size = len(program.pieces) // 2
    while size:
        first = 0
        while first < len(program.pieces):
            smaller = program.without(first, min(first + size, len(program.pieces)))
            if smaller.pieces and fails(smaller):
                program = smaller
            else:
                first += size
        size //= 2
    return program
