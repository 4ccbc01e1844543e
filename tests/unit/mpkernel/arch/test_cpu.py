"""The CPU that a process is, and what it counts of the locks it meets."""

import ctypes

from mpkernel.arch.cpu import AREAS, LOCK_CLASSES, Cpu, cpu, use_cpu
from tests.support.kernel import kernel


def test_a_process_is_one_cpu_after_another():
    with kernel(3) as k:
        for one in k.cpus:
            use_cpu(one)
            assert cpu() is one
            assert (cpu().number, cpu().area.phys) == (one.index + 1, AREAS[one.index].phys)
        use_cpu(k.cpus[0])


def test_no_two_cpus_share_a_cache_line():
    with kernel(2):
        starts = [ctypes.addressof(area) for area in AREAS]
        assert all(not start % 64 for start in starts)
        assert len({start // 64 for start in starts}) == len(AREAS)


def test_waits_are_counted_by_class_and_the_last_classes_together():
    with kernel(1):
        this = Cpu(0)
        for class_id, tsc in ((3, 10), (3, 30), (3, 20), (LOCK_CLASSES, 5), (1000, 7)):
            this.count_wait(class_id, tsc)
        third, others = this.area.locks[3], this.area.locks[0]
        assert (third.contended, third.waited_tsc, third.longest_wait_tsc) == (3, 60, 30)
        assert (others.contended, others.waited_tsc, others.longest_wait_tsc) == (2, 12, 7)
