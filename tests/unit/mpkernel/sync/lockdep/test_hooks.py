"""What the validator of one CPU keeps: who holds what, over interrupts and sleeps."""

from mpkernel.arch.cpu import Cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.lockdep.modes import MUTEX
from tests.support.kernel import kernel

LOCK = 0x1000


def test_a_sleeping_task_takes_its_locks_along():
    with kernel():
        watch = Lockdep(Cpu(0))
        watch.task_enter(1)
        watch.acquire(LOCK, ranks.INODE.id, MUTEX)
        watch.task_leave(1)
        watch.task_enter(2)
        assert not watch.is_held(LOCK)
        watch.task_leave(2)
        watch.task_enter(1)
        assert watch.is_held(LOCK)
        watch.release(LOCK)
        assert not watch.is_held(LOCK)
