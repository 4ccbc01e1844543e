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
from typing import Annotated, ClassVar

from hw.spec.layout import atomic, fixed, layout, statistic, u32, u64
from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.timer import host_tsc
from mpkernel.sched.grant_queue import GrantQueue, grant_locked
from mpkernel.sched.sleeping_lock import SleepingLock
from mpkernel.sched.task import Task, Waiter, current, current_at, is_called, sleep_state
from mpkernel.sched.wait_queue import give_up_cpu, stay_awake
from mpkernel.sched.wakeup import wake
from mpkernel.sched.ww_context import WwClass, WwContext, wrong
from mpkernel.sync.lockdep import modes


@layout(size=88)
class WwMutex(SleepingLock):
    """A sleeping lock that contexts may take in any order."""

    MODE: ClassVar[int] = modes.WW_MUTEX
    WAIT: ClassVar[int] = waits_for.WW_MUTEX

    owner: AtomicU64  #: Task, 0 if free; changes under the queue's lock
    context: Annotated[u64, atomic]  #: WwContext that holds it, 0: none; as the owner changes
    queue: GrantQueue  #: oldest context first, behind them those without, as they came
    key: Annotated[u32, fixed]  #: class, 0 before init
    contended: Annotated[u32, atomic]
    since: Annotated[u64, statistic]

    def init(self, ww_class: WwClass) -> None:
        """Make the lock free and of its class. Before anyone else can see it."""
        self.owner.store(0)
        self.context = 0
        self.queue.init()
        self._set_key(ww_class.locks.id)

    async def acquire(
        self,
        context: WwContext | None = None,
        *,
        interruptible: bool = False,
        killable: bool = False,
        nest_lock: int = 0,
    ) -> None:
        """Take the lock; sleeps. Without a context it is a plain mutex.

        Raises:
            SysError: EALREADY, the context has it; EDEADLK, the context must give back all it has,
                and take this lock first.
            Interrupted: a signal came first (if ``interruptible``), or one that ends the task (if
                ``killable``).
        """
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
        self._announce(self.MODE, self.key, nest_lock)
        waiter = self._take_or_queue(context)
        if waiter is not None:
            state = sleep_state(interruptible=interruptible, killable=killable)
            await self._sleep(self._wait(waiter, context, state), state)
        self.since = host_tsc()

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
            self._give_locked(current_at(), context.phys if context is not None else 0)
            self.since = host_tsc()
        return self._tried(self.MODE, context.phys if context is not None else 0)

    def release(self) -> None:
        """Give the lock back. Only its owner may."""
        self._retire()
        if not self.is_held():
            self._misused("released by a task that does not hold it")
        since = self.since
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
        self._count_hold(since)

    def is_held(self) -> bool:
        """Whether the current task holds the lock."""
        held: bool = self.owner.value == current_at()
        return held

    def assert_held(self) -> None:
        """Panic unless the current task holds the lock."""
        if not self.is_held():
            self._misused("is needed here")

    def _take_or_queue(self, context: WwContext | None) -> Waiter | None:
        """Take the lock if it is free, else be queued for it as the waiter returned."""
        task = current()
        mine = context.phys if context is not None else 0
        with self.queue.lock.irqsave():
            if not self.owner.value:
                if self.context:
                    wrong(self.phys, "a free ww-mutex carries a context")
                self._give_locked(task.phys, mine)
                return None
            if self.is_held():
                self._misused("taken twice by the same task")
            if context is not None and self._must_yield_locked(context):
                self._retire()
                self._yield_locked(context)
            waiter = self._queue_locked(task, mine)
            self._refuse_locked()
        return waiter

    async def _wait(self, waiter: Waiter, context: WwContext | None, state: int) -> None:
        task = current()
        while True:
            with self.queue.lock.irqsave():
                if waiter.is_woken:
                    return
                if context is not None and self._must_yield_locked(context):
                    waiter.node.remove()
                    self._yield_locked(context)
                task.state = state
                if is_called(task):
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
