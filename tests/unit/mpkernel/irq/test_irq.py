"""Vectors, dispatch and deferred work on one CPU."""

from collections.abc import Iterator

import pytest

from hw.irq.apic_state import APICS
from mpkernel.abi.errno import SysError
from mpkernel.arch import interrupts, ipi, memory
from mpkernel.arch.cpu import cpu
from mpkernel.arch.vectors import DEVICE_FIRST, DEVICE_LAST, VECTOR_SPURIOUS
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


def test_vectors_are_handed_out_once_and_taken_back(kernel: DeviceKernel) -> None:
    vectors.HANDLERS.add(HANDLER, vectors.Handler("test", lambda _: None))
    count = DEVICE_LAST - DEVICE_FIRST + 1
    given = [vectors.request_vector(HANDLER, n) for n in range(count)]
    assert given == list(range(DEVICE_FIRST, DEVICE_LAST + 1))
    with pytest.raises(SysError, match="ENOSPC"):
        vectors.request_vector(HANDLER)
    vectors.free_vector(given[5])
    assert vectors.name_of(given[5]) is None
    assert vectors.request_vector(HANDLER) == given[5]
    assert vectors.name_of(given[5]) == "test"
    assert vectors.name_of(VECTOR_SPURIOUS) == "spurious"


def test_an_interrupt_runs_its_handler_once_and_is_ended(kernel: DeviceKernel) -> None:
    seen: list[tuple[int, int, int]] = []

    def handler(argument: int) -> None:
        area = cpu().area
        seen.append((argument, area.irqs_off, area.irq_depth))

    vectors.HANDLERS.add(HANDLER, vectors.Handler("test", handler))
    vector = vectors.request_vector(HANDLER, 77)
    send(vector)
    interrupts.safepoint()
    interrupts.safepoint()
    assert seen == [(77, 1, 1)]
    assert dispatch.taken(0, vector) == 1
    state = APICS[0]
    assert not any((state.isr0, state.isr1, state.isr2, state.isr3))


def test_unexpected_vectors_are_counted_and_ended(kernel: DeviceKernel) -> None:
    send(0xA0)
    interrupts.safepoint()
    assert dispatch.COUNTS.of(0).unexpected == 1
    assert not APICS[0].isr2


def test_spurious_is_not_ended(kernel: DeviceKernel) -> None:
    ended: list[int] = []

    class Apic:
        def eoi(self) -> None:
            ended.append(1)

    cpu().apic, before = Apic(), cpu().apic  # type: ignore[assignment]
    dispatch.handle(VECTOR_SPURIOUS)
    assert not ended
    dispatch.handle(0xA0)
    assert ended
    cpu().apic = before


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
    assert memory is not None
