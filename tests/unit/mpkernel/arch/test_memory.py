"""Kernel data: every process places the same objects at the same addresses, zeroed, in RAM."""

import subprocess
import sys
from itertools import pairwise

from hw.spec.memory_map import KERNEL_DATA_BASE, KERNEL_DATA_SIZE, MIB
from mpkernel.arch import memory
from mpkernel.arch.cpu import AREAS
from mpkernel.sched.run_queue import RUN_QUEUES
from tests.support.kernel_cpu import kernel_cpu

_ASK = """
import mpkernel.boot.start
from mpkernel.arch import cpu, memory
from mpkernel.sched.run_queue import RUN_QUEUES
print(cpu.AREAS[3].phys, RUN_QUEUES.of(2).phys, memory.DATA.freeze())
"""


def test_each_process_finds_the_same_objects_at_the_same_places():
    said = {
        subprocess.run(
            [sys.executable, "-c", _ASK], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_they_lie_in_the_data_segment_apart():
    end = KERNEL_DATA_BASE + KERNEL_DATA_SIZE
    spans = sorted(
        (one.phys, one.phys + one.SIZE) for one in (*AREAS, *(RUN_QUEUES.of(n) for n in range(4)))
    )
    assert spans[0][0] >= KERNEL_DATA_BASE
    assert spans[-1][1] <= end
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_ram_ends_where_the_machine_says():
    with kernel_cpu(ram_bytes=24 * MIB):
        assert memory.ram_end() == 24 * MIB
        memory.write(24 * MIB - 4, b"last")
        assert memory.read(24 * MIB - 4, 4) == b"last"
