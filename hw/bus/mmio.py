"""Memory-mapped registers: which model answers at a physical address.

    LOCAL_APIC_BASE   the core's own local APIC; above it, interrupt messages
    PCI_WINDOW        BARs of PCI functions       ECAM   their configuration
    IO_APIC, HPET, BOARD_REGISTERS

A model is a pair of functions (core, offset, size) run by the core that makes the access. Where
nothing answers, reads give ones and writes go nowhere, as on a bus.

State: none here. Locks: each model takes its own raw lock. Context: the accessing core.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hw.bus import bar_window, board_registers
from hw.irq import hpet, io_apic, msi
from hw.irq.local_apic import LOCAL_APICS
from hw.spec.apic import IO_APIC_SIZE, LAPIC_PAGE_SIZE, MSI_ADDRESS_END
from hw.spec.board_registers import BOARD_REGISTERS_SIZE
from hw.spec.hpet import HPET_SIZE
from hw.spec.memory_map import (
    BOARD_REGISTERS_BASE,
    ECAM_BASE,
    ECAM_SIZE,
    HPET_BASE,
    IO_APIC_BASE,
    LOCAL_APIC_BASE,
    PCI_WINDOW_BASE,
    PCI_WINDOW_SIZE,
)


@dataclass(frozen=True)
class Window:
    """A range of addresses and the model behind it."""

    start: int
    size: int
    read: Callable[[int, int, int], int]
    write: Callable[[int, int, int, int], None]


def _read_apic(core: int, offset: int, _size: int) -> int:
    if offset >= LAPIC_PAGE_SIZE:
        return 0xFFFF_FFFF
    return LOCAL_APICS[core].read(offset)


def _write_apic(core: int, offset: int, _size: int, value: int) -> None:
    if offset < LAPIC_PAGE_SIZE:
        LOCAL_APICS[core].write(offset, value)
    else:
        msi.send(LOCAL_APIC_BASE + offset, value)


_WINDOWS: Final = (
    Window(LOCAL_APIC_BASE, MSI_ADDRESS_END - LOCAL_APIC_BASE, _read_apic, _write_apic),
    Window(PCI_WINDOW_BASE, PCI_WINDOW_SIZE, bar_window.read_bar, bar_window.write_bar),
    Window(ECAM_BASE, ECAM_SIZE, bar_window.read_ecam, bar_window.write_ecam),
    Window(HPET_BASE, HPET_SIZE, hpet.read, hpet.write),
    Window(IO_APIC_BASE, IO_APIC_SIZE, io_apic.read, io_apic.write),
    Window(BOARD_REGISTERS_BASE, BOARD_REGISTERS_SIZE, board_registers.read, board_registers.write),
)


def read(core: int, phys: int, size: int) -> int:
    """Read 1, 2, 4 or 8 bytes."""
    ones = (1 << 8 * size) - 1
    for window in _WINDOWS:
        offset = phys - window.start
        if 0 <= offset < window.size:
            return window.read(core, offset, size) & ones
    return ones


def write(core: int, phys: int, size: int, value: int) -> None:
    """Write 1, 2, 4 or 8 bytes."""
    if 0 <= phys - LOCAL_APIC_BASE < LAPIC_PAGE_SIZE:  # by far the most frequent
        LOCAL_APICS[core].write(phys - LOCAL_APIC_BASE, value)
        return
    for window in _WINDOWS:
        offset = phys - window.start
        if 0 <= offset < window.size:
            window.write(core, offset, size, value & ((1 << 8 * size) - 1))
            return
