"""MSI-X: a table in the device, an entry an interrupt: which CPU, which vector.

Spec: PCI Local Bus 3.0, 6.8.2. State: the device's table. Locks: none; a function's table belongs
to its driver. Context: task.
"""

from typing import Final

from hw.spec.apic import MSIX_ENTRY_MASKED, MsixEntry, msi_address
from hw.spec.pci import MSIX_ENABLE, MSIX_FUNCTION_MASK, MsixCapability
from mpkernel.arch import mmio, topology
from mpkernel.drivers.pci import PciFunction

_CONTROL: Final = MsixCapability.offset_of("control")


def enable(function: PciFunction) -> None:
    """Interrupt by messages from here on; all entries are masked."""
    for entry in range(function.msix_vectors):
        mask(function, entry)
    at = function.msix_capability + _CONTROL
    control = function.read(at, 2) & ~MSIX_FUNCTION_MASK
    function.write(at, 2, control | MSIX_ENABLE)


def disable(function: PciFunction) -> None:
    """No more messages."""
    at = function.msix_capability + _CONTROL
    function.write(at, 2, function.read(at, 2) & ~MSIX_ENABLE)


def route(function: PciFunction, entry: int, vector: int, target: int) -> None:
    """Send an entry's interrupts to CPU ``target`` as ``vector``.

    Masked meanwhile: one that comes in between is kept pending, and is not sent half changed.
    """
    assert entry < function.msix_vectors
    at = function.msix_table + MsixEntry.SIZE * entry
    mask(function, entry)
    mmio.write(at, 8, msi_address(topology.apic_id(target)))
    mmio.write(at + MsixEntry.offset_of("data"), 4, vector)
    mmio.write(at + MsixEntry.offset_of("control"), 4, 0)


def mask(function: PciFunction, entry: int) -> None:
    """Hold an entry's interrupts back."""
    at = function.msix_table + MsixEntry.SIZE * entry
    mmio.write(at + MsixEntry.offset_of("control"), 4, MSIX_ENTRY_MASKED)
