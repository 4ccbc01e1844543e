"""Wound/wait mutexes: any number of locks of one class, taken in any order, without deadlock.

    context.init(BUFFERS)
    while True:
        try:
            for one in wanted: await one.lock.acquire(context)
        except SysError as error:                       # EDEADLK: an older context is in the way
            ... release all that were taken, then
            await blocked.lock.acquire_slow(context)    # and begin anew, with that one taken
    context.done(); ... release all ...; context.fini()

Of two contexts in each other's way the older one wins, by one of two rules:

    wait-die    a younger context does not wait for an older one: EDEADLK
    wound-wait  an older context wounds the younger one that holds the lock, and waits; a wounded
                context gets EDEADLK where it would have to wait itself

A context that holds nothing always waits: nobody can wait for it.

State: RAM. Locks: GrantQueue.lock inside, one at a time. Context: task; may sleep.
"""

from collections.abc import Iterator
from typing import Annotated

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.timer import host_tsc
from mpkernel.panic import panic
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.task import TASK_BLOCKED, TASK_SLEEPING, Task, Waiter, current
from mpkernel.sched.wait_queue import give_up_cpu, stay_awake
from mpkernel.sched.wakeup import wake
from mpkernel.sched.ww_context import WwClass, WwContext, wrong
from mpkernel.sync import preempt, ranks
from mpkernel.sync.lockdep import modes


@layout(size=80)
class WwMutex(Layout):
    """A sleeping lock that contexts may take in any order."""

    owner: AtomicU64  #: Task, 0 if free; changes under the queue's lock
    context: Annotated[u64, atomic]  #: WwContext that holds it, 0: none; as the owner changes
    queue: GrantQueue  #: oldest context first, behind them those without, as they came
    key: Annotated[u32, fixed]  #: class, 0 before init
    contended: Annotated[u32, atomic]

    def init(self, ww_class: WwClass) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        watch = cpu().lockdep
        if watch is not None:
            watch.init(self.phys, ww_class.locks.id)
        self.owner.store(0)
        self.context = 0
        self.queue.init()
        self.key = ww_class.locks.id

    async def acquire(
        self,
        context: WwContext | None = None,
        *,
        interruptible: bool = False,
        nest_lock: int = 0,
    ) -> None:
        """Take the lock; sleeps. Without a context it is a plain mutex.

        Raises:
            SysError: EALREADY, the context has it; EDEADLK, the context must give back all it has,
                and take this lock first.
            Interrupted: a signal came first (only if ``interruptible``).
        """
        preempt.might_sleep()
        if context is not None:
            self._check(context)
            if self.context == context.phys:
                raise SysError(Errno.EALREADY)
            if context.blocked:
                self._check_blocked(context)
            if self.owner.value and context.acquired:
                with self.queue.lock.irqsave():
                    self._yield_locked(context)
            nest_lock = context.phys
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.key, modes.WW_MUTEX, nest_lock)
        try:
            await self._take(context, interruptible=interruptible)
        except SysError:
            if watch is not None:
                watch.release(self.phys)
            raise

    async def acquire_slow(self, context: WwContext, *, interruptible: bool = False) -> None:
        """Take the lock on which the context got EDEADLK, as its first: no EDEADLK here."""
        if not context.blocked:
            wrong(self.phys, "a ww-mutex is taken slowly without need")
        await self.acquire(context, interruptible=interruptible)

    def try_acquire(self, context: WwContext | None = None) -> bool:
        """Take the lock if it is free."""
        with self.queue.lock.irqsave():
            if self.owner.value:
                return False
            self._give_locked(current().phys, context.phys if context is not None else 0)
        watch = cpu().lockdep
        if watch is not None:
            nest_lock = context.phys if context is not None else 0
            watch.acquire(self.phys, self.key, modes.WW_MUTEX | modes.TRY, nest_lock)
        return True

    def release(self) -> None:
        """Give the lock back. Only its owner may."""
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)
        if not self.is_held():
            panic(f"ww-mutex {self.name}@{self.phys:#x} released by a task that does not hold it")
        with self.queue.lock.irqsave():
            if self.context:
                holder = WwContext.at(self.context)
                if not holder.acquired:
                    wrong(self.phys, "a ww-context has fewer locks than it gives back")
                holder.acquired -= 1
            self.owner.store(0)
            self.context = 0
            first = self.queue.first_locked()
            if first is not None:
                self._give_locked(first.task, first.context)
                grant_locked(first)
                self._refuse_locked()

    def is_held(self) -> bool:
        """Whether the current task holds the lock."""
        held: bool = self.owner.value == current().phys
        return held

    def assert_held(self) -> None:
        """Panic unless the current task holds the lock."""
        if not self.is_held():
            panic(f"the {self.name} ww-mutex is needed here")

    @property
    def name(self) -> str:
        """Name of the lock's class."""
        return ranks.name_of(self.key)

    async def _take(self, context: WwContext | None, *, interruptible: bool) -> None:
        task = current()
        mine = context.phys if context is not None else 0
        with self.queue.lock.irqsave():
            if not self.owner.value:
                if self.context:
                    wrong(self.phys, "a free ww-mutex carries a context")
                self._give_locked(task.phys, mine)
                return
            if context is not None:
                self._yield_locked(context)
            if self.is_held():
                panic(f"ww-mutex {self.name}@{self.phys:#x} taken twice by the same task")
            waiter = self._queue_locked(task, mine)
            self._refuse_locked()
        self.contended += 1
        watch = cpu().lockdep
        if watch is not None:
            watch.contended(self.phys)
        begun = host_tsc()
        await self._sleep(waiter, context, interruptible=interruptible)
        cpu().count_wait(self.key & 0xFFFF, host_tsc() - begun)
        if watch is not None:
            watch.acquired(self.phys)

    async def _sleep(
        self, waiter: Waiter, context: WwContext | None, *, interruptible: bool
    ) -> None:
        task = current()
        while True:
            with self.queue.lock.irqsave():
                if waiter.is_woken:
                    return
                if context is not None and self._must_yield_locked(context):
                    waiter.node.remove()
                    self._yield_locked(context)
                task.state = TASK_SLEEPING if interruptible else TASK_BLOCKED
                if interruptible and task.signal_pending:
                    waiter.node.remove()
                    stay_awake(task)
                    raise Interrupted
            await give_up_cpu()

    def _give_locked(self, task: int, context: int) -> None:
        self.owner.store(task)
        self.context = context
        if context:
            WwContext.at(context).acquired += 1

    def _queue_locked(self, task: Task, context: int) -> Waiter:
        """List the task before the first that is younger, or has no context."""
        place = self.queue.waiters
        if context:
            for other in self._waiters_locked():
                if not other.context or WwContext.at(context).is_older(WwContext.at(other.context)):
                    place = other.node
                    break
        waiter = self.queue.append_locked(task)
        waiter.context = context
        if context:
            waiter.node.remove()
            place.append(waiter.node)
        return waiter

    def _waiters_locked(self) -> Iterator[Waiter]:
        return self.queue.waiters.objects(Waiter, "node")

    def _must_yield_locked(self, context: WwContext) -> bool:
        """Whether a context that has locks must give them back rather than wait for this one."""
        if not context.acquired:
            return False
        if not context.is_wait_die:
            return bool(context.wounded.value)
        ahead = [self.context, *(one.context for one in self._waiters_locked())]
        return any(WwContext.at(one).is_older(context) for one in ahead if one)

    def _yield_locked(self, context: WwContext) -> None:
        """Raise EDEADLK if the context has to give back what it has."""
        if self.owner.value and self._must_yield_locked(context):
            context.blocked = self.phys
            context.wounded.store(0)
            raise SysError(Errno.EDEADLK)

    def _refuse_locked(self) -> None:
        """The holder or the queue has changed: wound the holder, wake who may wait no longer."""
        holder = WwContext.at(self.context) if self.context else None
        for one in self._waiters_locked():
            if not one.context:
                break
            context = WwContext.at(one.context)
            if context.is_wait_die:
                if self._must_yield_locked(context):
                    wake(Task.at(one.task))
            elif holder is not None and context.is_older(holder):
                holder.wounded.store(1)
                wake(Task.at(holder.task))
                break

    def _check(self, context: WwContext) -> None:
        if not context.is_open:
            wrong(self.phys, "a ww-mutex is taken in a context that is done")
        if context.key != self.key:
            wrong(self.phys, "a ww-mutex is taken in a context of another class")

    def _check_blocked(self, context: WwContext) -> None:
        if context.acquired:
            wrong(self.phys, "after EDEADLK a ww-context takes more before it has given all back")
        if context.blocked != self.phys:
            wrong(self.phys, "after EDEADLK a ww-context takes another lock first")
        context.blocked = 0
