"""PCI configuration space: the type 0 header, capabilities and the ECAM window.

    ECAM address = ECAM_BASE + (bus << 20 | device << 15 | function << 12 | register)

Spec: PCI Local Bus 3.0 chapter 6, PCI Express base 7.2.2 (ECAM), 7.7.2 (MSI-X).
State: none. Context: any.
"""

from typing import Final

from hw.spec.layout import Layout, layout, u8, u16, u32
from hw.spec.memory_map import ECAM_BASE

CONFIG_SIZE: Final = 0x1000
LEGACY_CONFIG_SIZE: Final = 0x100
DEVICES_PER_BUS: Final = 32
BAR_COUNT: Final = 6
NO_DEVICE: Final = 0xFFFF


def ecam_address(bus: int, device: int, function: int, register: int = 0) -> int:
    """Physical address of a configuration register."""
    return ECAM_BASE + (bus << 20 | device << 15 | function << 12 | register)


@layout(size=64)
class PciHeader(Layout):
    """Type 0 configuration header."""

    vendor_id: u16
    device_id: u16
    command: u16  #: COMMAND_*
    status: u16  #: STATUS_*
    revision_id: u8
    prog_if: u8
    subclass: u8
    class_code: u8
    cache_line_size: u8
    latency_timer: u8
    header_type: u8  #: 0; HEADER_MULTI_FUNCTION
    bist: u8
    bar0: u32
    bar1: u32
    bar2: u32
    bar3: u32
    bar4: u32
    bar5: u32
    cardbus_cis: u32
    subsystem_vendor_id: u16
    subsystem_id: u16
    expansion_rom: u32
    capabilities: u8  #: offset of the first capability
    reserved_0x35: u8
    reserved_0x36: u16
    reserved_0x38: u32
    interrupt_line: u8  #: I/O APIC line of the pin, as firmware routed it
    interrupt_pin: u8  #: 1 is INTA
    min_grant: u8
    max_latency: u8


HEADER_MULTI_FUNCTION: Final = 0x80

COMMAND_IO: Final = 1 << 0
COMMAND_MEMORY: Final = 1 << 1
COMMAND_BUS_MASTER: Final = 1 << 2
COMMAND_INTX_DISABLE: Final = 1 << 10

STATUS_INTX: Final = 1 << 3
STATUS_CAPABILITIES: Final = 1 << 4

BAR_IO: Final = 1 << 0
BAR_64BIT: Final = 2 << 1
BAR_PREFETCHABLE: Final = 1 << 3
BAR_FLAGS_MASK: Final = 0xF

CAP_ID_VENDOR: Final = 0x09
CAP_ID_MSIX: Final = 0x11

CLASS_BRIDGE: Final = 0x06
SUBCLASS_HOST_BRIDGE: Final = 0x00


@layout(size=12)
class MsixCapability(Layout):
    """MSI-X capability: where table and pending bits are."""

    cap_id: u8
    cap_next: u8
    control: u16  #: MSIX_ENABLE | MSIX_FUNCTION_MASK | table size - 1
    table: u32  #: offset | BAR number in the low three bits
    pba: u32  #: offset | BAR number in the low three bits


MSIX_ENABLE: Final = 1 << 15
MSIX_FUNCTION_MASK: Final = 1 << 14
MSIX_SIZE_MASK: Final = 0x7FF
MSIX_BIR_MASK: Final = 7
