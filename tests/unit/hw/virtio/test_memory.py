"""The machine's RAM as devices reach it."""

import pytest

from hw import ram
from hw.spec.memory_map import MIB
from hw.virtio.memory import MachineMemory

pytestmark = pytest.mark.usefixtures("board")


def test_views_are_the_memory_itself():
    memory = MachineMemory()
    memory.write(8 * MIB, b"abcdef")
    [view] = memory.views(8 * MIB + 2, 3)
    view[0] = ord("X")
    assert memory.read(8 * MIB, 6) == b"abXdef"


def test_code_that_was_written_is_told_to_the_cores():
    memory = MachineMemory()
    generation = ram.HEADER.code_generation.value
    memory.written(8 * MIB, 4096)
    assert ram.HEADER.code_generation.value == generation
