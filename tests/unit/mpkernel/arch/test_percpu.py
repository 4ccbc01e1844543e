"""Per-CPU variables."""

import ctypes

import pytest

from mpkernel.arch.cpu import CpuArea
from mpkernel.arch.percpu import PerCpu
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sync import preempt
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("E1")


def test_copies_stand_on_cache_lines_of_their_own():
    addresses = [ctypes.addressof(RUN_QUEUES.of(index)) for index in range(64)]
    assert all(address % 64 == 0 for address in addresses)
    assert len(set(addresses)) == 64


def test_use_with_preemption_on_is_an_error():
    with kernel(2), pytest.raises(AssertionError, match="preemption on"):
        RUN_QUEUES.this()


def test_each_cpu_has_its_own():
    with kernel(3) as k:
        for index in range(3):
            k.use(index)
            preempt.disable()
            RUN_QUEUES.this().length = index + 5
            preempt.enable()
        assert [RUN_QUEUES.of(index).length for index in range(3)] == [5, 6, 7]


def test_kind_is_kept():
    assert isinstance(RUN_QUEUES, PerCpu)
    assert CpuArea.SIZE % 8 == 0
