"""x87: operands in memory, as numbers of 80 bits.

Spec: AMD64 APM vol. 1, 6.3.
State: the x87 fields of CpuState. Context: native code, oracle.
"""

from typing import Final

from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import sext
from hw.cpu.semantics.handler import address
from hw.cpu.semantics.x87_stack import load80, note
from hw.cpu.softfloat.conversion import from_binary, from_decimal, from_integer
from hw.cpu.state import CpuState

#: Memory operands: name of the form, bits.
REALS: Final = {"m32fp": 32, "m64fp": 64}
INTEGERS: Final = {"m16int": 16, "m32int": 32, "m64int": 64}


def memory_operand(s: CpuState, u: MicroOp, origin: str) -> tuple[int, int, int]:
    """A number from memory; a denormal single or double raises DENORMAL."""
    place = address(s, u, "m")
    if origin == "m80fp":
        se, m = load80(s, place)
        return se, m, 0
    if origin == "m80bcd":
        sign_byte, digits = load80(s, place)
        se, m = from_decimal(digits, sign_byte)
        return se, m, 0
    if origin in INTEGERS:
        se, m = from_integer(sext(load(s, place, INTEGERS[origin]), INTEGERS[origin]))
        return se, m, 0
    return from_binary(load(s, place, REALS[origin]), REALS[origin])


def note_memory(s: CpuState, u: MicroOp) -> None:
    """Remember the instruction and its operand's address."""
    note(s, u)
    s.fpu_data = address(s, u, "m")
