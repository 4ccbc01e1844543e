"""Random programs: instructions of all families, forward jumps, and some of them turn a few times.

Single instructions cannot show that a flag was wrongly thought dead, that a fused pair goes the
wrong way, or that a fault in the middle of a block shows stale state; these can. A program that
fails is made small before it is shown.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hw.cpu.flags import CONDITIONS
from tests.differential import forms
from tests.differential.forms import Case, Pool
from tests.differential.host import DATA
from tests.differential.host_features import host_executes

#: r12 to r14 make up addresses, r15 counts turns; they are never written.
POOL: Final = Pool(
    operands=(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11),
    bases=(12, 13, 14),
    relative=False,
    fixed={12: DATA + 0x900, 13: 0x21, 14: (1 << 64) - 0x13},
)
#: What shows more than processors agree on, moves the stack far, or makes AF seen.
_WITHOUT: Final = re.compile(
    "ENTER|LEAVE|LAHF|SAHF|PUSHF|POPF|RCP|RSQRT|MASKMOVDQU|RDPMC|INVALID|.*_MOFFS"
    "|FSIN|FCOS|FPTAN|FPATAN|FYL2X|F2XM1|FN?STENV|FN?SAVE|FXSAVE|FXRSTOR|FRSTOR|FLDENV"
)
_FREQUENT: Final = re.compile("ADD|SUB|CMP|TEST|AND|XOR|MOV_|LEA|SHL|SHR|INC|DEC")
_OF_OR_CF: Final = 1 << 11 | 1 << 0 | 1 << 7 | 1 << 6 | 1 << 2
_AF: Final = 1 << 4
#: add eax, ebx: all flags are defined again.
_DEFINE_FLAGS: Final = b"\x01\xd8"
#: So that a division seldom overflows: movzx eax, al; xor edx, edx.
_SMALL_DIVIDEND: Final = {"8": b"\x0f\xb6\xc0", "": b"\x31\xd2"}


def usable() -> list[str]:
    """Encodings for random programs, the frequent ones more often."""
    names = [n for n in forms.claimed() if not _WITHOUT.match(n) and host_executes(n)]
    return names + 3 * [n for n in names if _FREQUENT.match(n)]


@dataclass(frozen=True)
class Program:
    """Instructions in order, and conditional jumps over some of them."""

    pieces: tuple[tuple[str, bytes], ...]  #: text and code
    jumps: dict[int, tuple[int, int]]  #: before which piece: condition, pieces jumped over
    pinned: dict[int, int]
    turns: int = 1  #: how often the whole runs

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
        body = b"".join(code)
        if self.turns > 1:
            start = b"\x41\xbf" + ((1 << self.turns) - 1).to_bytes(4, "little")
            end = b"\x41\xd1\xef\x0f\x85"
            back = len(body) + len(end) + 4
            body = start + body + end + (-back & 0xFFFF_FFFF).to_bytes(4, "little")
            texts = [f"mov r15d,{(1 << self.turns) - 1}", *texts, f"shr r15d,1 | jne .-{back}"]
        return Case("program", body, self.pinned, _AF, " | ".join(texts))

    def without(self, first: int, last: int) -> "Program":
        """The program less the pieces from ``first`` up to ``last``."""
        gone = last - first
        jumps = {
            k if k < first else k - gone: jump
            for k, jump in self.jumps.items()
            if not first <= k < last
        }
        return replace(self, pieces=self.pieces[:first] + self.pieces[last:], jumps=jumps)


def make(names: list[str], rng: random.Random, ip: int, length: int) -> Program:
    """A random program of about ``length`` instructions."""
    pieces: list[tuple[str, bytes]] = []
    while len(pieces) < length:
        case = forms.make(rng.choice(names), rng, ip, POOL)
        if case is not None and 15 not in case.pinned:
            pieces.append(_piece(case))
    jumps = {
        k: (rng.randrange(16), rng.randint(0, 3)) for k in range(length) if rng.random() < 0.25
    }
    turns = rng.choice((1, 1, 2, 5))
    return Program(tuple(pieces), jumps, dict(POOL.fixed), turns)


def _piece(case: Case) -> tuple[str, bytes]:
    """An instruction with what it needs before it, and after it where it leaves flags undefined."""
    texts, code = [case.text], case.code
    for number, value in case.pinned.items():
        if number not in POOL.fixed:
            move = bytes((0x48 | number >> 3, 0xB8 | number & 7)) + value.to_bytes(8, "little")
            texts, code = [f"mov r{number},{value:#x}", *texts], move + code
    if case.name.startswith(("DIV_", "IDIV_")):
        small = _SMALL_DIVIDEND["8" if case.name.endswith("M8") else ""]
        texts, code = ["small dividend", *texts], small + code
    if case.undefined & _OF_OR_CF:
        texts, code = [*texts, "add eax,ebx"], code + _DEFINE_FLAGS
    return " | ".join(texts), code


def minimise(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A program that still fails and from which no piece and no jump can be taken."""
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
    for place in sorted(program.jumps, reverse=True):
        smaller = replace(program, jumps={k: j for k, j in program.jumps.items() if k != place})
        if fails(smaller):
            program = smaller
    straight = replace(program, turns=1)
    return straight if fails(straight) else program
