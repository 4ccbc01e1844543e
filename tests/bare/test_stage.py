"""The first stage of a kernel on the machine: from 32-bit entry to long mode; what it learns."""

import struct
import subprocess
import sys

import pytest

from hw.cpu import cpuid
from hw.machine_config import MachineConfig
from hw.spec.boot_info import (
    MEMORY_ACPI,
    MEMORY_RESERVED,
    MEMORY_USABLE,
    BootMemoryRange,
)
from hw.spec.memory_map import (
    FIRMWARE_BASE,
    FIRMWARE_SIZE,
    KERNEL_DATA_BASE,
    MIB,
    ram_ranges,
)
from hw.spec.paging import PHYS_BITS
from tests.support.bare_stage import DEVICES, HWINFO_FORMAT, TABLES, TABLES_SIZE
from tests.support.board import powered_board

_ACCESSED_AND_DIRTY = 0x60


@pytest.mark.feature("A11")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("ram_mib", [32, 3000])
def test_stage_1_reaches_long_mode_and_knows_the_machine(ram_mib: int) -> None:
    command = [sys.executable, "-m", "tests.support.bare_stage", str(ram_mib)]
    done = subprocess.run(command, capture_output=True, timeout=50, check=False)
    assert done.returncode == 3, done.stderr
    tables = struct.unpack_from(f"<{TABLES_SIZE // 8}Q", done.stderr)
    tables = [entry & ~_ACCESSED_AND_DIRTY for entry in tables]
    assert tables[:512] == [TABLES + 0x1003] + [0] * 511
    assert tables[512] == TABLES + 0x2003
    assert {k for k, entry in enumerate(tables[512:1024]) if entry} == {0, DEVICES}
    assert tables[1024:] == [k * 2 * MIB + 0x83 for k in range(512)]
    info = HWINFO_FORMAT.unpack_from(done.stderr, TABLES_SIZE)
    vendor, family, model, stepping, threads, bits, regions = info
    with powered_board(MachineConfig(cpus=2, ram_bytes=32 * MIB)):
        words, signature = cpuid.leaf(0, 0, 0), _signature()
    assert vendor == struct.pack("<3I", words[1], words[3], words[2])
    assert (family << 8 | model << 4 | stepping, threads, bits) == (signature, 2, PHYS_BITS)
    found = list(struct.iter_unpack("<QQII", done.stderr[TABLES_SIZE + HWINFO_FORMAT.size :]))
    assert len(found) == regions
    assert struct.calcsize("<QQII") == BootMemoryRange.SIZE
    (_, low_end), *high = ram_ranges(ram_mib * MIB)
    assert found == [
        (0, FIRMWARE_BASE, MEMORY_RESERVED, 0),
        (FIRMWARE_BASE, FIRMWARE_BASE + FIRMWARE_SIZE, MEMORY_ACPI, 0),
        (KERNEL_DATA_BASE, low_end, MEMORY_USABLE, 0),
        *((start, end, MEMORY_USABLE, 0) for start, end in high),
    ]


def _signature() -> int:
    """Family, model and stepping of CPUID's leaf 1, put together by the manual's rule."""
    eax = cpuid.leaf(1, 0, 0)[0]
    family, model = eax >> 8 & 15, eax >> 4 & 15
    if family == 15:
        family, model = family + (eax >> 20 & 0xFF), model | eax >> 12 & 0xF0
    return family << 8 | model << 4 | eax & 15
