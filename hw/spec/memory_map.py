"""The whole machine on one page: which physical address is what.

    0x0000_0000 +-----------------------+
                | low 1 MiB             | frame 0 and firmware tables, never handed out
    0x0010_0000 +-----------------------+
                | kernel data segment   | mpkernel.arch.memory.static
    0x0040_0000 +-----------------------+
                | RAM                   |
    0xB000_0000 +-----------------------+ at most; RAM beyond goes above 4 GiB
                | PCI ECAM              | 256 buses x 1 MiB
    0xC000_0000 +-----------------------+
                | PCI BAR window        |
    0xFEC0_0000 | I/O APIC              |
    0xFED0_0000 | HPET                  |
    0xFED4_0000 | debug console, power  | board registers
    0xFEE0_0000 | local APIC            | each core sees its own
   0x1_0000_0000+-----------------------+
                | RAM above the hole    |
                +-----------------------+

State: none. Context: any.
"""

from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30

MAX_CPUS: Final = 64
MIN_RAM: Final = 16 * MIB
MAX_RAM: Final = 64 * GIB

FIRMWARE_BASE: Final = 0x0_E0000
FIRMWARE_SIZE: Final = 0x2_0000
BOOT_INFO_BASE: Final = 0x0_8000
BOOT_INFO_SIZE: Final = 0x8000
KERNEL_DATA_BASE: Final = 1 * MIB
KERNEL_DATA_SIZE: Final = 3 * MIB

LOW_RAM_LIMIT: Final = 0xB000_0000
HIGH_RAM_BASE: Final = 4 * GIB

ECAM_BASE: Final = 0xB000_0000
ECAM_SIZE: Final = 256 * MIB
PCI_WINDOW_BASE: Final = 0xC000_0000
PCI_WINDOW_SIZE: Final = 0x2000_0000

IO_APIC_BASE: Final = 0xFEC0_0000
HPET_BASE: Final = 0xFED0_0000
BOARD_REGISTERS_BASE: Final = 0xFED4_0000
LOCAL_APIC_BASE: Final = 0xFEE0_0000


def ram_ranges(ram_bytes: int) -> list[tuple[int, int]]:
    """Physical ranges [start, end) that are RAM, in order."""
    if ram_bytes <= LOW_RAM_LIMIT:
        return [(0, ram_bytes)]
    return [(0, LOW_RAM_LIMIT), (HIGH_RAM_BASE, HIGH_RAM_BASE + ram_bytes - LOW_RAM_LIMIT)]


def ram_end(ram_bytes: int) -> int:
    """First physical address above all RAM."""
    return ram_ranges(ram_bytes)[-1][1]
