"""DR0 to DR7: breakpoints on instructions, data and ports, and what MOV does with the registers.

While a breakpoint is armed the core runs carefully: one instruction at a time, its operands'
addresses known before, so that native code needs no check of its own.

Spec: AMD64 APM vol. 2, 13.1. State: CpuState.dr. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Any, Final

from iced_x86 import InstructionInfoFactory, OpAccess

from hw.cpu.exits import CpuFault
from hw.cpu.operand_access import Operands
from hw.spec.registers import CR4_DE
from hw.spec.vectors import DEBUG, GENERAL_PROTECTION, INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

DR6_FIXED: Final = 0xFFFF_0FF0
DR7_FIXED: Final = 0x400
DR6_ACCESS: Final = 1 << 13  #: BD: a debug register was touched while DR7.GD was set
DR6_STEP: Final = 1 << 14  #: BS: single step
_DR7_GENERAL: Final = 1 << 13  #: GD
_ENABLES: Final = 0xFF
_EXECUTE: Final = 0
_WRITE: Final = 1
_IO: Final = 2  #: with CR4.DE, else nothing
_ACCESS: Final = 3
_LENGTHS: Final = (1, 2, 8, 4)
_WRITING: Final = (
    OpAccess.WRITE, OpAccess.COND_WRITE, OpAccess.READ_WRITE, OpAccess.READ_COND_WRITE,
)  # fmt: skip
_SILENT: Final = (OpAccess.NONE, OpAccess.NO_MEM_ACCESS)
_INFO: Final = InstructionInfoFactory()


def enter_handler(core: "Core") -> None:
    """What #DB does besides its delivery: the handler may touch the registers."""
    core.state.dr[7] &= ~_DR7_GENERAL


def is_armed(core: "Core") -> bool:
    """Whether any breakpoint is enabled."""
    return bool(core.state.dr[7] & _ENABLES)


def _armed(core: "Core") -> list[tuple[int, int, int, int]]:
    """Number, kind, first address and length of each enabled breakpoint."""
    dr = core.state.dr
    found = []
    for number in range(4):
        if dr[7] >> 2 * number & 3:
            control = dr[7] >> (16 + 4 * number) & 0xF
            length = _LENGTHS[control >> 2]
            if control & 3 == _IO and not core.state.cr4 & CR4_DE:
                continue
            found.append((number, control & 3, dr[number] & ~(length - 1), length))
    return found


def at_instruction(core: "Core", address: int) -> int:
    """DR6 bits of the breakpoints on executing at a linear address."""
    return sum(
        1 << number
        for number, kind, place, _ in _armed(core)
        if kind == _EXECUTE and place == address
    )


def at_operands(core: "Core", i: Any) -> int:
    """DR6 bits of the breakpoints on the data and ports that an instruction is about to touch."""
    armed = [one for one in _armed(core) if one[1] != _EXECUTE]
    if not armed:
        return 0
    operands = Operands(core, i)
    bits = 0
    for kinds, address, size in _touched(operands, i):
        for number, kind, place, length in armed:
            if kind in kinds and address < place + length and place < address + size:
                bits |= 1 << number
    return bits


def _touched(operands: Operands, i: Any) -> list[tuple[tuple[int, ...], int, int]]:
    """Kinds of breakpoints that notice, first address and length of each access."""
    found: list[tuple[tuple[int, ...], int, int]] = []
    for use in _INFO.info(i).used_memory():
        if use.access not in _SILENT:
            kinds = (_WRITE, _ACCESS) if use.access in _WRITING else (_ACCESS,)
            found.append((kinds, *operands.used_address(use)))
    port = operands.port()
    if port is not None:
        found.append(((_IO,), *port))
    return found


def _resolve(core: "Core", number: int) -> int:
    """DR4 and DR5 are DR6 and DR7, unless CR4.DE makes them absent; DR7.GD guards all."""
    state = core.state
    if number in (4, 5):
        if state.cr4 & CR4_DE:
            raise CpuFault(INVALID_OPCODE)
        number += 2
    if number > 7:
        raise CpuFault(INVALID_OPCODE)
    if state.cpl != 0:
        raise CpuFault(GENERAL_PROTECTION)
    if state.dr[7] & _DR7_GENERAL:
        state.dr[6] |= DR6_ACCESS
        raise CpuFault(DEBUG)
    return number


def read(core: "Core", number: int) -> int:
    """MOV from a debug register.

    Raises:
        CpuFault: #UD, #GP, #DB.

    """
    return int(core.state.dr[_resolve(core, number)])


def write(core: "Core", number: int, value: int) -> None:
    """MOV to a debug register.

    Raises:
        CpuFault: #UD, #GP, #DB.

    """
    number = _resolve(core, number)
    if number >= 6 and value >> 32:
        raise CpuFault(GENERAL_PROTECTION)
    if number == 6:
        value = (value & 0xE00F) | DR6_FIXED
    elif number == 7:
        value = (value & 0xFFFF_2BFF) | DR7_FIXED
    core.state.dr[number] = value
    core.be_careful()
