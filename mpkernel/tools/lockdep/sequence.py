"""A scenario's steps, done with real locks in one task on one CPU.

    hardirq.enter ... exit      an interrupt that this CPU sends itself; the steps are its handler
    softirq.enter ... exit      deferred work

State: RAM: locks and the task in scratch memory. Locks: those of the scenario. Context: a powered
board in one process, no other CPU.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from hw.spec.memory_map import MIB
from mpkernel.arch import interrupts, ipi
from mpkernel.arch.cpu import cpu
from mpkernel.panic import panic
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.task import Task
from mpkernel.sync import ranks
from mpkernel.sync.local_lock import LocalLock
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.lockdep.scenario import Step, class_name

#: By subject: the kind of lock, and what takes and gives it.
_KINDS: Final[dict[str, tuple[type[Any], str, str]]] = {
    "spin": (Spinlock, "acquire", "release"),
    "rw-write": (Rwlock, "acquire_write", "release_write"),
    "rw-read": (Rwlock, "acquire_read", "release_read"),
    "local": (LocalLock, "acquire", "release"),
    "mutex": (Mutex, "acquire", "release"),
    "rtmutex": (RtMutex, "acquire", "release"),
    "rwsem-write": (Rwsem, "acquire_write", "release_write"),
    "rwsem-read": (Rwsem, "acquire_read", "release_read"),
}

#: Frames for tasks and locks: above the kernel's data.
_SCRATCH: Final = 8 * MIB


class Scratch:
    """Memory for the objects of one scenario."""

    def __init__(self) -> None:
        self._next = _SCRATCH

    def place(self, kind: type[Any]) -> Any:
        """A zeroed object."""
        at = self._next
        self._next += -(-kind.SIZE // 64) * 64
        return kind.at(at)


def in_task(scratch: Scratch, body: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine as a task that nobody can wake: panics if it sleeps."""
    this = cpu()
    watch = this.lockdep
    assert watch is not None
    task = scratch.place(Task)
    task.in_kernel = 1
    this.area.current = task.phys
    watch.task_enter(task.phys)
    to_the_end(body)


def to_the_end(body: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that does not sleep."""
    try:
        body.send(None)
    except StopIteration:
        return
    body.close()
    panic("the scenario's only task waits for itself")


class Sequence:
    """The locks of a scenario, made when they are first named."""

    def __init__(self, scratch: Scratch, *, readers_overtake: bool) -> None:
        self._scratch = scratch
        self._locks: dict[str, Any] = {}
        self._readers_overtake = readers_overtake

    async def run(self, steps: Iterable[Step]) -> None:
        """Do the steps."""
        for step in steps:
            await self._do(step)

    async def _do(self, step: Step) -> None:
        if step.subject == "hardirq":
            self._hard(step)
        elif step.subject == "softirq":
            self._deferred(step)
        elif step.verb == "init":
            self._init(step.subject, self._lock(step), step.lock)
        else:
            _, take, give = _KINDS[step.subject]
            done = getattr(self._lock(step), take if step.verb == "lock" else give)()
            if done is not None:
                await done

    def _lock(self, step: Step) -> Any:
        lock = self._locks.get(step.lock)
        if lock is None:
            lock = self._locks[step.lock] = self._scratch.place(_KINDS[step.subject][0])
            self._init(step.subject, lock, step.lock)
        return lock

    def _init(self, subject: str, lock: Any, name: str) -> None:
        lock_class = ranks.unranked(class_name(name))
        if subject.startswith("rw-"):
            lock.init(lock_class, prefers_readers=self._readers_overtake)
        else:
            lock.init(lock_class)

    def _hard(self, step: Step) -> None:
        if step.verb == "enter":
            interrupt(lambda: to_the_end(self.run(step.inside)))
        elif step.verb == "disable":
            interrupts.disable()
        else:
            interrupts.enable()

    def _deferred(self, step: Step) -> None:
        watch = watching()
        if step.verb == "enter":
            flag = interrupts.save()
            watch.deferred_enter()
            to_the_end(self.run(step.inside))
            watch.deferred_exit()
            interrupts.restore(flag)
        elif step.verb == "disable":
            watch.deferred_off()
        else:
            watch.deferred_on()


def interrupt(handler: Callable[[], None]) -> None:
    """Run ``handler`` as that of a real interrupt on this CPU."""
    this = cpu()

    def handle(_vector: int) -> None:
        handler()
        assert this.apic is not None
        this.apic.eoi()

    this.interrupt_handler = handle
    ipi.send_reschedule(this.index)
    interrupts.safepoint()


def watching() -> Lockdep:
    """Return the CPU's validator, which is on."""
    watch = cpu().lockdep
    assert watch is not None
    return watch
