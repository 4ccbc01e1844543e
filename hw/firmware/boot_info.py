"""Boot information written into RAM: memory map, cores, command line, boot modules.

Boot modules stand at the top of low RAM, each on a page border; the ranges they take are marked,
so that the kernel can take them back when it has unpacked them.

State: RAM at BOOT_INFO_BASE, constant once the first core runs.
Locks: none. Context: the launcher, before the fork.
"""

from typing import Final

from hw import clock, ram
from hw.firmware import acpi
from hw.firmware.acpi import CpuEntry, MemoryEntry
from hw.machine_config import MachineConfig
from hw.spec.address import PAGE_SIZE, page_down, page_up
from hw.spec.apic import APIC_TIMER_HZ
from hw.spec.boot_info import (
    BOOT_MAGIC,
    MEMORY_ACPI,
    MEMORY_BOOT_MODULE,
    MEMORY_RESERVED,
    MEMORY_USABLE,
    BootCpu,
    BootInfo,
    BootMemoryRange,
    BootModule,
)
from hw.spec.memory_map import (
    BOOT_INFO_BASE,
    BOOT_INFO_SIZE,
    FIRMWARE_BASE,
    FIRMWARE_SIZE,
    KERNEL_DATA_BASE,
    ram_ranges,
)

_ALIGN: Final = 16


def node_ranges(config: MachineConfig) -> list[MemoryEntry]:
    """Return RAM cut into NUMA nodes of equal size."""
    share = page_down(config.ram_bytes // config.numa_nodes)
    entries = []
    seen = 0
    for start, end in ram_ranges(config.ram_bytes):
        at = start
        while at < end:
            node = min((seen + at - start) // share, config.numa_nodes - 1)
            border = start + (node + 1) * share - seen
            stop = end if node == config.numa_nodes - 1 else min(border, end)
            entries.append(MemoryEntry(at, stop, node))
            at = stop
        seen += end - start
    return entries


def _place_modules(config: MachineConfig) -> list[tuple[int, int]]:
    """Copy boot modules into RAM; return start and size of each."""
    top = page_down(ram_ranges(config.ram_bytes)[0][1])
    places = []
    for module in config.boot_modules:
        top -= max(page_up(len(module.data)), PAGE_SIZE)
        ram.write(top, module.data)
        places.append((top, len(module.data)))
    return places


def _memory_map(config: MachineConfig, modules_start: int) -> list[BootMemoryRange]:
    """Return all RAM, ascending, each range of one kind and one node."""
    low_end = ram_ranges(config.ram_bytes)[0][1]
    marks = [
        (0, FIRMWARE_BASE, MEMORY_RESERVED),
        (FIRMWARE_BASE, FIRMWARE_BASE + FIRMWARE_SIZE, MEMORY_ACPI),
        (KERNEL_DATA_BASE, modules_start, MEMORY_USABLE),
        (modules_start, low_end, MEMORY_BOOT_MODULE),
        (low_end, ram.HEADER.ram_end, MEMORY_USABLE),
    ]
    return [
        BootMemoryRange(max(part.start, start), min(part.end, end), kind, part.node)
        for start, end, kind in marks
        for part in node_ranges(config)
        if max(part.start, start) < min(part.end, end)
    ]


class _Writer:
    """Lays things out one after the other in the boot information area."""

    def __init__(self, at: int) -> None:
        self.at = at

    def put(self, data: bytes) -> int:
        """Write bytes; return their physical address."""
        start = self.at
        assert start + len(data) <= BOOT_INFO_BASE + BOOT_INFO_SIZE, "boot information is full"
        ram.write(start, data)
        self.at = (start + len(data) + _ALIGN - 1) & ~(_ALIGN - 1)
        return start


def write(config: MachineConfig) -> None:
    """Write firmware tables, boot modules and boot information into RAM.

    Raises:
        OSError: the host has no memory for the modules.

    """
    cpus = [
        CpuEntry(config.apic_id(core), config.node_of_core(core)) for core in range(config.cpus)
    ]
    rsdp = acpi.write(cpus, node_ranges(config), config.numa_nodes)
    places = _place_modules(config)
    modules_start = min((start for start, _ in places), default=ram_ranges(config.ram_bytes)[0][1])
    ranges = _memory_map(config, modules_start)
    writer = _Writer(BOOT_INFO_BASE + (BootInfo.SIZE + _ALIGN - 1 & ~(_ALIGN - 1)))
    modules = b""
    for (start, size), module in zip(places, config.boot_modules, strict=True):
        name = module.name.encode()
        modules += bytes(BootModule(start, size, writer.put(name), len(name)))
    command_line = config.cmdline.encode()
    info = BootInfo(
        magic=BOOT_MAGIC,
        rsdp=rsdp,
        tsc_hz=clock.CLOCK.tsc_hz,
        apic_timer_hz=APIC_TIMER_HZ,
        wall_clock_ns=clock.CLOCK.wall_clock_ns,
        memory_ranges=writer.put(b"".join(bytes(one) for one in ranges)),
        cpus=writer.put(b"".join(bytes(BootCpu(cpu.apic_id, cpu.node)) for cpu in cpus)),
        modules=writer.put(modules),
        command_line=writer.put(command_line),
        memory_range_count=len(ranges),
        cpu_count=config.cpus,
        module_count=len(places),
        command_line_size=len(command_line),
        numa_nodes=config.numa_nodes,
    )
    info.size = writer.at - BOOT_INFO_BASE
    ram.write(BOOT_INFO_BASE, bytes(info))
