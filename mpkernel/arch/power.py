"""The board's own registers: power off, debug console, wall clock.

State: the board. Locks: none: panic uses it. Context: any.
"""

from typing import NoReturn

from hw.bus import board_registers
from hw.irq import doorbell
from hw.spec.board_registers import DEBUG_CONSOLE, POWER_OFF, WALL_CLOCK_NS
from mpkernel.arch.cpu import cpu


def power_off(status: int) -> None:
    """End the machine; its status is the first that anybody gives."""
    board_registers.write(cpu().index, POWER_OFF, 4, status & 0xFF)


def halt_forever() -> NoReturn:
    """Do nothing until the machine ends."""
    while True:
        doorbell.halt(cpu().index)


def debug_write(data: bytes) -> None:
    """Write to the debug console, the host's standard error."""
    if len(data) <= 8:
        board_registers.write(cpu().index, DEBUG_CONSOLE, len(data), int.from_bytes(data, "little"))
        return
    board_registers.debug_write(data)


def wall_clock_ns() -> int:
    """Nanoseconds since 1970, UTC."""
    return board_registers.read(cpu().index, WALL_CLOCK_NS, 8)
