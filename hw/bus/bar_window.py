"""Who answers in PCI's two windows: configuration space (ECAM) and the BARs.

A BAR belongs to a virtio device: BAR 0 is its registers, BAR 2 its MSI-X table. Configuration
space adds one thing to plain bytes: the access capability, through which a driver without mapped
BARs reaches BAR 0 (virtio 1.2, 4.1.4.9).

State: none here. Locks: the function's raw lock, taken by what is called. Context: a core.
"""

from typing import Final

from hw.bus import msix, pci_function
from hw.bus.pci_function import FUNCTIONS
from hw.spec.pci import COMMAND_INTX_DISABLE, DEVICES_PER_BUS, PciHeader
from hw.spec.virtio import VirtioPciCap, VirtioPciCfgCap
from hw.virtio import transport

_COMMAND: Final = PciHeader.offset_of("command")
_DATA: Final = VirtioPciCfgCap.offset_of("data")


def read_bar(_core: int, offset: int, size: int) -> int:
    """Read at an offset of the BAR window; ones where nothing answers."""
    owner = pci_function.bar_at(offset)
    if owner is None:
        return (1 << 8 * size) - 1
    return _read(owner[0], owner[1], offset & (pci_function.BAR_SIZE - 1), size)


def write_bar(_core: int, offset: int, size: int, value: int) -> None:
    """Write at an offset of the BAR window."""
    owner = pci_function.bar_at(offset)
    if owner is not None:
        _write(owner[0], owner[1], offset & (pci_function.BAR_SIZE - 1), size, value)


def _read(slot: int, bar: int, offset: int, size: int) -> int:
    if bar == transport.BAR:
        return transport.read(slot, offset, size)
    return msix.read(slot, offset, size) if bar == transport.MSIX_BAR else 0


def _write(slot: int, bar: int, offset: int, size: int, value: int) -> None:
    if bar == transport.BAR:
        transport.write(slot, offset, size, value)
    elif bar == transport.MSIX_BAR:
        msix.write(slot, offset, size, value)


def _slot_of(offset: int) -> tuple[int, int] | None:
    """Return slot and register of an ECAM offset; only bus 0 has functions, one a device."""
    device, function, register = offset >> 15, offset >> 12 & 7, offset & 0xFFF
    return (device, register) if device < DEVICES_PER_BUS and not function else None


def _accessed(slot: int, register: int, size: int) -> tuple[int, int, int] | None:
    """Return BAR, offset and size that an access to the access capability's data means."""
    at = FUNCTIONS[slot].access_data
    if not at or not at <= register < at + 4 or register + size > at + 4:
        return None
    cap = at - _DATA
    bar = pci_function.read_config(slot, cap + VirtioPciCap.offset_of("bar"), 1)
    offset = pci_function.read_config(slot, cap + VirtioPciCap.offset_of("offset"), 4)
    length = pci_function.read_config(slot, cap + VirtioPciCap.offset_of("length"), 4)
    if length not in (1, 2, 4) or offset % length or offset >= pci_function.BAR_SIZE:
        return None
    return bar, offset, length


def read_ecam(_core: int, offset: int, size: int) -> int:
    """Read configuration space."""
    place = _slot_of(offset)
    if place is None:
        return (1 << 8 * size) - 1
    slot, register = place
    accessed = _accessed(slot, register, size)
    if accessed is not None:
        bar, inside, length = accessed
        return _read(slot, bar, inside, length)
    return pci_function.read_config(slot, register, size)


def write_ecam(_core: int, offset: int, size: int, value: int) -> None:
    """Write configuration space."""
    place = _slot_of(offset)
    if place is None:
        return
    slot, register = place
    accessed = _accessed(slot, register, size)
    if accessed is not None:
        bar, inside, length = accessed
        _write(slot, bar, inside, length, value & ((1 << 8 * length) - 1))
        return
    pci_function.write_config(slot, register, size, value)
    state = FUNCTIONS[slot]
    if state.msix_cap and register < state.msix_cap + 4 and register + size > state.msix_cap:
        msix.control_changed(slot)
    if register <= _COMMAND + 1 and register + size > _COMMAND and state.present:
        pin_on = not pci_function.command_of(slot) & COMMAND_INTX_DISABLE
        transport.pin_changed(slot, enabled=pin_on)
