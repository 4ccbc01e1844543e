"""Registers of devices, by physical address: what a load or store that is no RAM does.

State: the board's. Locks: each register model's own. Context: any.
"""

from hw.bus import mmio
from mpkernel.arch.cpu import cpu


def read(address: int, size: int) -> int:
    """Read 1, 2, 4 or 8 bytes; all ones where nothing answers."""
    return mmio.read(cpu().index, address, size)


def write(address: int, size: int, value: int) -> None:
    """Write 1, 2, 4 or 8 bytes; nothing happens where nothing answers."""
    mmio.write(cpu().index, address, size, value)
