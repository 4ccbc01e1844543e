"""PCI: which functions there are, where their registers lie, what they can do.

    MCFG -> ECAM window -> header of each function -> BARs sized and placed -> capabilities

Firmware leaves BARs unplaced; they are placed here, one after the other, in the PCI window.

Spec: PCI Local Bus 3.0, chapter 6; PCI Express base, 7.2.2.
State: RAM (FUNCTIONS, HOST). Locks: none: enumeration is the first CPU's, before drivers run;
a function's configuration belongs to its driver. Context: task.
"""

import ctypes
from collections.abc import Iterator
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, fixed, layout, u8, u16, u32, u64
from hw.spec.memory_map import PCI_WINDOW_BASE, PCI_WINDOW_SIZE
from hw.spec.pci import (
    BAR_64BIT,
    BAR_COUNT,
    BAR_FLAGS_MASK,
    BAR_IO,
    CAP_ID_MSIX,
    COMMAND_BUS_MASTER,
    COMMAND_INTX_DISABLE,
    COMMAND_MEMORY,
    DEVICES_PER_BUS,
    HEADER_MULTI_FUNCTION,
    NO_DEVICE,
    STATUS_CAPABILITIES,
    MsixCapability,
    PciHeader,
)
from mpkernel.arch import memory, mmio
from mpkernel.drivers import acpi
from mpkernel.panic import panic

MAX_FUNCTIONS: Final = 64
_FUNCTIONS_PER_DEVICE: Final = 8
_BAR0: Final = PciHeader.offset_of("bar0")
_COMMAND: Final = PciHeader.offset_of("command")
_MIN_BAR: Final = 0x1000
#: A list of capabilities is no longer than this, or it is a loop.
_MAX_CAPABILITIES: Final = 48


@layout()
class PciFunction(Layout):
    """A function that is there."""

    config: Annotated[u64, fixed]  #: physical address of its configuration space
    bus: Annotated[u8, fixed]
    device: Annotated[u8, fixed]
    function: Annotated[u8, fixed]
    class_code: Annotated[u8, fixed]
    vendor_id: Annotated[u16, fixed]
    device_id: Annotated[u16, fixed]
    bar_address: Annotated[Any, ctypes.c_uint64 * BAR_COUNT, fixed]  #: 0: no memory BAR
    bar_size: Annotated[Any, ctypes.c_uint64 * BAR_COUNT, fixed]
    msix_capability: Annotated[u32, fixed]  #: its offset, 0: none
    msix_vectors: Annotated[u32, fixed]  #: entries of the table
    msix_table: Annotated[u64, fixed]  #: physical address
    driver: u32  #: id in bus.DRIVERS, 0: none has it
    reserved_end: u32
    driver_data: u64  #: what the driver keeps: a physical address

    def read(self, register: int, size: int) -> int:
        """Read configuration space."""
        return mmio.read(self.config + register, size)

    def write(self, register: int, size: int, value: int) -> None:
        """Write configuration space."""
        mmio.write(self.config + register, size, value)

    def capabilities(self) -> Iterator[tuple[int, int]]:
        """Id and offset of each capability; a list that loops ends."""
        if not self.read(PciHeader.offset_of("status"), 2) & STATUS_CAPABILITIES:
            return
        at = self.read(PciHeader.offset_of("capabilities"), 1) & ~3
        for _ in range(_MAX_CAPABILITIES):
            if at < PciHeader.SIZE:
                return
            yield self.read(at, 1), at
            at = self.read(at + 1, 1) & ~3

    @property
    def name(self) -> str:
        """As lspci writes it."""
        return f"{self.bus:02x}:{self.device:02x}.{self.function}"


@layout()
class PciHost(Layout):
    """The bus as enumerated."""

    count: u32
    reserved_0x004: u32
    next_address: u64  #: where the next BAR goes


FUNCTIONS: Final = memory.static_array(PciFunction, MAX_FUNCTIONS)
HOST: Final = memory.static(PciHost)


def functions() -> tuple[PciFunction, ...]:
    """All functions found."""
    return FUNCTIONS[: HOST.count]


def enumerate_bus() -> int:
    """Find all functions, place their BARs; return how many there are.

    Raises:
        AcpiError: firmware does not say where configuration space is.
    """
    HOST.count = 0
    HOST.next_address = PCI_WINDOW_BASE
    for window in acpi.ecam_windows():
        for bus in range(window.start_bus, window.end_bus + 1):
            base = window.address + ((bus - window.start_bus) << 20)
            if not _scan_bus(base, bus) and bus > window.start_bus:
                break  # the board numbers buses without gaps
    return HOST.count


def _scan_bus(base: int, bus: int) -> int:
    """Add the functions of one bus; return how many."""
    before = HOST.count
    for device in range(DEVICES_PER_BUS):
        for number in range(_FUNCTIONS_PER_DEVICE):
            config = base + (device << 15 | number << 12)
            if mmio.read(config, 2) == NO_DEVICE:
                if number:
                    continue
                break
            _add(config, bus, device, number)
            header_type = mmio.read(config + PciHeader.offset_of("header_type"), 1)
            if not header_type & HEADER_MULTI_FUNCTION:
                break
    found: int = HOST.count - before
    return found


def _add(config: int, bus: int, device: int, number: int) -> None:
    if HOST.count == MAX_FUNCTIONS:
        panic(f"more than {MAX_FUNCTIONS} PCI functions")
    function = FUNCTIONS[HOST.count]
    function.config = config
    function.bus, function.device, function.function = bus, device, number
    function.vendor_id = function.read(PciHeader.offset_of("vendor_id"), 2)
    function.device_id = function.read(PciHeader.offset_of("device_id"), 2)
    function.class_code = function.read(PciHeader.offset_of("class_code"), 1)
    function.driver = 0
    _place_bars(function)
    _find_msix(function)
    HOST.count += 1


def _place_bars(function: PciFunction) -> None:
    """Size memory BARs by writing ones (6.2.5.1), with decoding off, and place them."""
    command = function.read(_COMMAND, 2)
    function.write(_COMMAND, 2, command & ~COMMAND_MEMORY)
    index = 0
    while index < BAR_COUNT:
        register = _BAR0 + 4 * index
        low = function.read(register, 4)
        wide = low & BAR_64BIT == BAR_64BIT
        function.bar_address[index] = function.bar_size[index] = 0
        if not low & BAR_IO:
            _place(function, index, wide=wide)
        index += 2 if wide else 1


def _place(function: PciFunction, index: int, *, wide: bool) -> None:
    register = _BAR0 + 4 * index
    ones = 0xFFFF_FFFF
    function.write(register, 4, ones)
    mask = function.read(register, 4) & ~BAR_FLAGS_MASK
    if wide:
        function.write(register + 4, 4, ones)
        mask |= function.read(register + 4, 4) << 32
    elif mask:
        mask |= ones << 32
    if not mask:
        return
    size = (~mask & ((1 << 64) - 1)) + 1
    address = -(-HOST.next_address // max(size, _MIN_BAR)) * max(size, _MIN_BAR)
    if address + size > PCI_WINDOW_BASE + PCI_WINDOW_SIZE:
        panic(f"PCI window is full at {function.name}")
    HOST.next_address = address + size
    function.write(register, 4, address & 0xFFFF_FFFF)
    if wide:
        function.write(register + 4, 4, address >> 32)
    function.bar_address[index] = address
    function.bar_size[index] = size


def _find_msix(function: PciFunction) -> None:
    function.msix_capability = function.msix_vectors = function.msix_table = 0
    for kind, at in function.capabilities():
        if kind != CAP_ID_MSIX:
            continue
        control = function.read(at + MsixCapability.offset_of("control"), 2)
        table = function.read(at + MsixCapability.offset_of("table"), 4)
        bar = function.bar_address[table & 7] if table & 7 < BAR_COUNT else 0
        if bar:
            function.msix_capability = at
            function.msix_vectors = (control & 0x7FF) + 1
            function.msix_table = bar + (table & ~7)
        return


#: Names of what the board can have plugged in, as lspci would print them.
_CLASS_NAMES: Final = {0x01: "Mass storage", 0x06: "Host bridge", 0x07: "Communication"}
_DEVICE_NAMES: Final = {
    (0x1AF4, 0x1042): "virtio disk",
    (0x1AF4, 0x1043): "virtio console",
    (0x1AF4, 0x1044): "virtio entropy",
}


def describe(function: PciFunction) -> str:
    """One line about a function: where, what class, whose, and what it is."""
    kind = _CLASS_NAMES.get(function.class_code, f"Class {function.class_code:02x}")
    name = _DEVICE_NAMES.get((function.vendor_id, function.device_id), "")
    line = f"{function.name} {kind}: {function.vendor_id:04x}:{function.device_id:04x} {name}"
    return line.rstrip()


def enable(function: PciFunction) -> None:
    """Let a function answer at its BARs and reach memory; its pin is off."""
    command = function.read(_COMMAND, 2)
    function.write(
        _COMMAND, 2, command | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE
    )


def disable(function: PciFunction) -> None:
    """Take a function off the bus."""
    command = function.read(_COMMAND, 2)
    function.write(_COMMAND, 2, command & ~(COMMAND_MEMORY | COMMAND_BUS_MASTER))
