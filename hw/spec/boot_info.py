"""What firmware tells the kernel at BOOT_INFO_BASE: memory, cores, clock, command line, modules.

    BootInfo -> BootMemoryRange[], BootCpu[], BootModule[], command line; all by physical address

State: RAM, written before the first core starts, then constant.
Locks: none. Context: any.
"""

from typing import Final

from hw.spec.layout import Layout, layout, u32, u64

#: "MPKBOOT1", little-endian.
BOOT_MAGIC: Final = int.from_bytes(b"MPKBOOT1", "little")

#: Kinds of memory ranges.
MEMORY_USABLE: Final = 1
MEMORY_RESERVED: Final = 2
MEMORY_ACPI: Final = 3
MEMORY_BOOT_MODULE: Final = 4

MAX_COMMAND_LINE: Final = 4096


@layout(size=104)
class BootInfo(Layout):
    """The root of all that firmware hands over."""

    magic: u64  #: BOOT_MAGIC
    size: u64  #: bytes from BOOT_INFO_BASE to the end of everything below
    rsdp: u64  #: physical address
    tsc_hz: u64  #: counts a second of the TSC, which starts at 0
    apic_timer_hz: u64  #: counts a second of the APIC timer before its divider
    wall_clock_ns: u64  #: nanoseconds since 1970 (UTC) when the TSC was 0
    memory_ranges: u64  #: physical address of BootMemoryRange[memory_range_count], ascending
    cpus: u64  #: physical address of BootCpu[cpu_count]; index in it = core index
    modules: u64  #: physical address of BootModule[module_count]
    command_line: u64  #: physical address, UTF-8 without terminator
    memory_range_count: u32
    cpu_count: u32
    module_count: u32
    command_line_size: u32  #: bytes
    numa_nodes: u32
    boot_cpu: u32  #: core index of the first core


@layout(size=24)
class BootMemoryRange(Layout):
    """A physical range [start, end)."""

    start: u64
    end: u64
    kind: u32  #: MEMORY_*
    node: u32  #: NUMA node


@layout(size=8)
class BootCpu(Layout):
    """A core that can be started."""

    apic_id: u32
    node: u32  #: NUMA node


@layout(size=32)
class BootModule(Layout):
    """A file that the launcher put into RAM."""

    start: u64  #: page aligned
    size: u64  #: bytes
    name: u64  #: physical address of its name, UTF-8 without terminator
    name_size: u64  #: bytes
