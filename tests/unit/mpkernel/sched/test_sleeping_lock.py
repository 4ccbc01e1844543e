"""What all locks share whose waiters sleep: who may give up, and who is told of the wait."""

import pytest

from mpkernel.abi.errno import Interrupted
from mpkernel.arch import waits_for
from mpkernel.arch.cpu import AREAS
from mpkernel.panic import KernelPanic
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.sleeping_lock import OwnedLock
from mpkernel.sched.task import TASK_KILLABLE
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import notice_signal
from mpkernel.sync import ranks
from tests.support.kernel import Kernel, kernel

LOCK_CLASS = ranks.INODE


def made(k: Kernel, kind: type[OwnedLock]) -> OwnedLock:
    lock = kind.at(k.scratch(kind.SIZE))
    lock.init(LOCK_CLASS)
    return lock


@pytest.mark.parametrize("kind", [Mutex, RtMutex])
def test_only_a_signal_that_ends_the_task_ends_a_killable_wait(kind: type[OwnedLock]):
    with kernel() as k:
        lock, seen = made(k, kind), []

        async def holder() -> None:
            async with lock:
                while not seen:
                    await give_up_cpu()

        async def waiter() -> None:
            try:
                async with lock.killable():
                    seen.append("has it")
            except Interrupted:
                seen.append("gave up")

        k.spawn(0, holder())
        k.turn(0)
        task = k.spawn(0, waiter())
        for _ in range(4):
            k.turn(0)
        task.signal_pending = 1
        notice_signal(task)
        for _ in range(4):
            k.turn(0)
        assert (task.state, seen) == (TASK_KILLABLE, [])
        task.must_end = 1
        notice_signal(task)
        k.run()
        assert seen == ["gave up"]
        assert lock.owner.value == 0


@pytest.mark.parametrize("kind", [Mutex, RtMutex])
def test_a_wait_is_counted_and_seen_from_outside(kind: type[OwnedLock]):
    with kernel() as k:
        lock = made(k, kind)

        async def holder() -> None:
            async with lock:
                await give_up_cpu()
                await give_up_cpu()

        async def waiter() -> None:
            async with lock:
                pass

        k.spawn(0, holder())
        k.turn(0)
        task = k.spawn(0, waiter())
        k.turn(0)
        k.turn(0)
        (seen,) = (one for _, one in waits_for.sleepers(0) if one.kind == lock.WAIT)
        assert (seen.object, seen.task, seen.is_killable) == (lock.phys, task.phys, 0)
        k.run()
        assert waits_for.sleepers(0) == []
        assert lock.contended == 1
        assert AREAS[0].locks[LOCK_CLASS.id].contended == 1


@pytest.mark.parametrize("kind", [Mutex, RtMutex, Rwsem])
def test_before_init_nothing_is_taken(kind: type[OwnedLock]):
    with kernel() as k:
        lock = kind.at(k.scratch(kind.SIZE))
        acquire = lock.acquire_read if isinstance(lock, Rwsem) else lock.acquire

        async def one() -> None:
            with pytest.raises(KernelPanic, match="is used before init"):
                await acquire()

        k.spawn(0, one())
        k.run()
        assert len(k.results) == 1
