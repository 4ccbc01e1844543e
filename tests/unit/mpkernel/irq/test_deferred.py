"""Deferred work: never while a spinlock is held on its CPU, and never lost."""

from collections.abc import Iterator

import pytest

from mpkernel.arch import interrupts, ipi
from mpkernel.irq import deferred, dispatch, vectors
from mpkernel.irq.deferred import DeferredWork
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock
from tests.support.device_kernel import DeviceKernel, device_kernel

HANDLER = 90
WORK = 91
SCRATCH = 14 << 20


@pytest.fixture
def kernel() -> Iterator[DeviceKernel]:
    with device_kernel() as kernel:
        yield kernel


def send(vector: int) -> None:
    ipi._command(0, 1 << 14 | vector)


def test_deferred_work_waits_until_no_spinlock_is_held(kernel: DeviceKernel) -> None:
    done: list[int] = []
    lock = Spinlock.at(SCRATCH)
    lock.init(ranks.TTY)
    work = DeferredWork.at(SCRATCH + 64)
    work.init(WORK, 55)

    def body(argument: int) -> None:
        with lock:  # would spin for ever if the interrupted code held it
            done.append(argument)

    deferred.WORK.add(WORK, body)
    vectors.HANDLERS.add(HANDLER, vectors.Handler("test", lambda _: work.schedule()))
    vector = vectors.request_vector(HANDLER)
    with lock:
        send(vector)
        interrupts.safepoint()
        interrupts.safepoint()
        assert not done
        assert dispatch.taken(0, vector) == 1
    interrupts.safepoint()
    assert done == [55]
    interrupts.safepoint()
    assert done == [55]


def test_work_scheduled_by_a_task_runs_at_once_and_once(kernel: DeviceKernel) -> None:
    done: list[int] = []
    work = DeferredWork.at(SCRATCH)
    work.init(WORK, 1)
    deferred.WORK.add(WORK, done.append)
    flag = interrupts.save()
    work.schedule()
    work.schedule()
    assert not done
    interrupts.restore(flag)
    assert done == [1]


def test_work_that_schedules_itself_again_is_done_again(kernel: DeviceKernel) -> None:
    left = [3]
    work = DeferredWork.at(SCRATCH)
    work.init(WORK, 0)

    def body(_argument: int) -> None:
        left[0] -= 1
        if left[0]:
            work.schedule()

    deferred.WORK.add(WORK, body)
    work.schedule()
    assert left == [0]
