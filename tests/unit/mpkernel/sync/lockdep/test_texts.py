"""The validator's files say what was seen."""

from typing import Any

from mpkernel.arch.cpu import AREAS, cpu
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sync import ranks
from mpkernel.sync.local_lock import LocalLock
from mpkernel.sync.lockdep import texts
from mpkernel.sync.lockdep.modes import RECURSIVE, RWLOCK, SPIN
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.spinlock import Spinlock
from tests.support.kernel import Kernel, kernel


def made(k: Kernel, kind: Any) -> Any:
    lock = kind.at(k.scratch(kind.SIZE))
    lock.init(ranks.unranked(kind.__name__))
    return lock


def test_classes_and_chains():
    with kernel():
        watch = cpu().lockdep
        assert watch is not None
        watch.acquire(1, ranks.SLAB.id, SPIN)
        watch.irq_enter()
        watch.acquire(2, ranks.LOG.id, RWLOCK | RECURSIVE)
        watch.release(2)
        watch.irq_exit()
        watch.acquire(3, ranks.FRAMES.id, SPIN)
        lines = texts.classes_text().decode().splitlines()
        assert "FD:    1 BD:    0 +... slab (spinlock)" in lines
        assert lines[lines.index("FD:    1 BD:    0 +... slab (spinlock)") + 1] == " -> frames"
        chains = texts.chains_text().decode().split("\n\n")
        assert "context: interrupt\n  log (rwlock) shared recursively" in chains
        assert "context: task\n  slab (spinlock)\n  frames (spinlock)" in chains


def test_statistics_count_what_was_taken():
    with kernel(cpus=2) as k:
        lock = Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.SLAB)
        for index in range(2):
            k.use(index)
            with lock:
                pass
        row = next(line for line in texts.statistics_text().decode().splitlines() if "slab" in line)
        assert row.split()[:2] == ["slab", "0"]
        assert row.split()[4] == "2"


def test_holds_and_waits_are_counted_of_every_kind_of_lock():
    with kernel(cpus=2) as k:
        spin, local, rwlock = (made(k, kind) for kind in (Spinlock, LocalLock, Rwlock))
        mutex, rt_mutex, rwsem = (made(k, kind) for kind in (Mutex, RtMutex, Rwsem))

        async def take_all() -> None:
            for guard in (spin, local, rwlock.read(), rwlock.write()):
                with guard:
                    pass
            for sleeping in (mutex, rt_mutex, rwsem.read(), rwsem.write()):
                async with sleeping:
                    await give_up_cpu()

        before = [AREAS[index].locks[0].taken for index in range(2)]
        for index in range(2):
            k.spawn(index, take_all())
        k.run()
        taken = sum(AREAS[index].locks[0].taken - before[index] for index in range(2))
        assert taken == 2 * 8
        assert all(AREAS[index].locks[0].longest_tsc > 0 for index in range(2))
        assert sum(AREAS[index].locks[0].contended for index in range(2)) >= 2
