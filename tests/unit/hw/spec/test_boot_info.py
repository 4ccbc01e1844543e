"""Boot info: the bytes of a whole record, so that a kernel built apart reads it alike."""

import struct

from hw.spec import boot_info
from hw.spec.boot_info import BootCpu, BootInfo, BootMemoryRange, BootModule
from hw.spec.memory_map import BOOT_INFO_SIZE, MAX_CPUS


def test_magic_reads_as_text():
    assert bytes(BootInfo(magic=boot_info.BOOT_MAGIC))[:8] == b"MPKBOOT1"


def test_records_are_packed_words_in_their_order():
    words = range(11, 27)
    assert bytes(BootInfo(*words)) == struct.pack("<10Q6I", *words)
    assert bytes(BootMemoryRange(1, 2, 3, 4)) == struct.pack("<2Q2I", 1, 2, 3, 4)
    assert bytes(BootCpu(5, 6)) == struct.pack("<2I", 5, 6)
    assert bytes(BootModule(1, 2, 3, 4)) == struct.pack("<4Q", 1, 2, 3, 4)


def test_the_largest_machine_fits_beside_the_longest_command_line():
    most = BootInfo.SIZE + MAX_CPUS * BootCpu.SIZE + 16 * BootMemoryRange.SIZE
    assert most + 16 * (BootModule.SIZE + 256) + boot_info.MAX_COMMAND_LINE <= BOOT_INFO_SIZE


def test_kinds_of_memory_differ():
    kinds = {
        boot_info.MEMORY_USABLE, boot_info.MEMORY_RESERVED, boot_info.MEMORY_ACPI,
        boot_info.MEMORY_BOOT_MODULE,
    }  # fmt: skip
    assert len(kinds) == 4
    assert 0 not in kinds  # a zeroed range is of no kind
