"""Per-CPU counters: every count is there, without an atomic."""

from typing import Final

from mpkernel.sync.percpu_counter import PerCpuCounter
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import kernel

COUNTER: Final = PerCpuCounter()


def test_parts_add_up_also_where_they_are_negative():
    with kernel(cpus=3) as k:
        COUNTER.clear()
        for index, n in ((0, 5), (1, -7), (2, 3), (0, 1)):
            k.use(index)
            COUNTER.add(n)
        assert COUNTER.sum() == 2
        assert [COUNTER.part(index) for index in range(3)] == [6, -7, 3]
        COUNTER.clear()
        assert COUNTER.sum() == 0


def test_cores_that_count_at_the_same_time_lose_nothing():
    with core_processes(4) as k:
        COUNTER.clear()

        def work(index: int) -> None:
            for _ in range(5000):
                COUNTER.add(index + 1)

        run_cpus(k, work)
        assert COUNTER.sum() == 5000 * (1 + 2 + 3 + 4)
