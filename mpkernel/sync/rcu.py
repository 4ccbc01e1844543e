"""RCU: readers take nothing; what they may still look at is freed after a grace period.

    with rcu.read(): entry = Entry.at(rcu.follow(table.first)) ...     # must not sleep
    rcu.publish(table.first, new.phys); rcu.call(old.rcu, FREE_ENTRY, old.phys)

A grace period ends when each CPU has been quiescent once since it began: in the scheduler's loop,
in user mode or idle. Kernel code is switched away only there, so a reader that began before has
ended. A CPU says so itself when it passes the scheduler (``seen``); that one is idle or in user
mode others can see, so a CPU that stays there delays nobody.

    started   1 2 3 ..  grace periods begun, one at a time
    completed 0 1 2 ..  and ended; what is given to ``call`` needs the first to begin after that

Callbacks run on the CPU that gave them, in the scheduler's loop, in order.

State: RAM. Locks: none; numbers rise by compare-and-set, a CPU's callbacks are its own. Context:
reading and call, any; quiescent, the scheduler's loop with nothing held.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Annotated, Final, Self

from hw.spec.layout import Layout, fixed, layout, this_cpu, u32, u64
from mpkernel.arch import atomics, interrupts, ipi, memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.topology import cpu_count, is_in_user_mode, is_online
from mpkernel.panic import panic
from mpkernel.seam import Seam
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import RCU_READ

#: What ``call`` may name, by number: plain functions that do not sleep.
FUNCTIONS: Final[Seam[Callable[[int], None]]] = Seam("RCU callbacks")
#: Told after each grace period (sched.grace_period).
ENDED: Final[Seam[Callable[[], None]]] = Seam("end of a grace period")


@layout(size=32)
class RcuHead(Layout):
    """What ``call`` needs, in the object that is to be freed."""

    next: Annotated[u64, this_cpu]
    needs: Annotated[u64, fixed]  #: grace period after which it runs
    function: Annotated[u64, fixed]  #: number in FUNCTIONS
    argument: Annotated[u64, fixed]


@layout()
class RcuCpu(Layout):
    """A CPU's part."""

    seen: AtomicU64  #: latest grace period in which it was quiescent
    is_idle: AtomicU64  #: 1: it is now, until a full fence
    first: Annotated[u64, this_cpu]  #: RcuHead that waits longest, 0 for none
    last: Annotated[u64, this_cpu]
    nesting: Annotated[u32, this_cpu]  #: read sections begun and not ended


@layout(size=32)
class GracePeriods(Layout):
    """All CPUs' part."""

    started: AtomicU64
    completed: AtomicU64
    wanted: AtomicU64  #: latest that somebody waits for
    callers: AtomicU64  #: bit a CPU that has callbacks


CPUS: Final = PerCpu(RcuCpu)
PERIODS: Final = memory.static(GracePeriods)


class _ReadSection:
    """The with-block of ``read``. It keeps no state: sections nest."""

    __slots__ = ()

    def __enter__(self) -> Self:
        this = cpu()
        mine = CPUS.of(this.index)
        this.area.preempt_count += 1
        mine.nesting += 1
        if this.lockdep is not None:
            this.lockdep.acquire(mine.phys, RCU_READ.id, modes.RCU | modes.RECURSIVE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        this = cpu()
        mine = CPUS.of(this.index)
        if this.lockdep is not None:
            this.lockdep.release(mine.phys)
        mine.nesting -= 1
        this.area.preempt_count -= 1


_READ: Final = _ReadSection()


def read() -> _ReadSection:
    """Context manager: what ``follow`` reaches inside stays until the end. No sleep inside."""
    return _READ


def follow(cell: AtomicU64) -> int:
    """The address in a cell; what stands there was written before it was published."""
    assert CPUS.of(cpu().index).nesting, "an RCU pointer is followed outside a read section"
    return cell.load()


def publish(cell: AtomicU64, address: int) -> None:
    """Let readers find what stands at ``address``, whole."""
    cell.store(address)


def call(head: RcuHead, function: int, argument: int) -> None:
    """Run ``FUNCTIONS[function](argument)`` once no reader of before is left. ``head`` is taken."""
    this = cpu().index
    mine = CPUS.of(this)
    needs = needed()
    head.next, head.needs, head.function, head.argument = 0, needs, function, argument
    flag = interrupts.save()
    if mine.first:
        RcuHead.at(mine.last).next = head.phys
    else:
        mine.first = head.phys
        PERIODS.callers.or_(1 << this)
    mine.last = head.phys
    interrupts.restore(flag)
    want(needs)


def needed() -> int:
    """Number of the grace period after which no reader of before is left."""
    atomics.fence()  # what the caller has taken out of sight comes first
    return PERIODS.started.load() + 1


def want(number: int) -> None:
    """See to it that grace period ``number`` comes."""
    known = PERIODS.wanted.load()
    while known < number:
        known = PERIODS.wanted.cas(known, number)
    _begin()


def quiescent() -> None:
    """Say that this CPU looks at nothing that RCU guards. From the scheduler's loop."""
    mine = CPUS.of(cpu().index)
    if mine.seen.value != PERIODS.started.value:
        if mine.nesting:
            panic("an RCU read section is left open in the scheduler")
        mine.seen.store(PERIODS.started.load())
        _advance()
    if mine.first:
        _run_callbacks(mine)


def idle_enter() -> None:
    """Say that this CPU halts: it is quiescent until ``idle_exit``."""
    CPUS.of(cpu().index).is_idle.xchg(1)
    _advance()


def idle_exit() -> None:
    """Say that it runs again."""
    CPUS.of(cpu().index).is_idle.xchg(0)


def _begin() -> None:
    """Begin the next grace period, if one is wanted and none is under way."""
    done = PERIODS.completed.load()
    if PERIODS.wanted.load() <= done or PERIODS.started.cas(done, done + 1) != done:
        return
    number = done + 1
    me = cpu()
    for index in range(cpu_count()):
        if not _was_quiescent(index, number):
            if index == me.index:
                me.area.need_resched = 1
            else:
                ipi.send_reschedule(index)
    _advance()


def _advance() -> None:
    """End the grace period if all CPUs have been quiescent in it."""
    number = PERIODS.started.load()
    if PERIODS.completed.load() == number:
        return
    for index in range(cpu_count()):
        if not _was_quiescent(index, number):
            return
    if PERIODS.completed.cas(number - 1, number) == number - 1:
        if 0 in ENDED:
            ENDED.get()()
        _kick_callers()
        _begin()


def _was_quiescent(index: int, number: int) -> bool:
    """Whether a CPU has been quiescent in the grace period, or is right now."""
    seen = CPUS.of(index).seen
    known = seen.load()
    if known >= number:
        return True
    if is_online(index) and not CPUS.of(index).is_idle.load() and not is_in_user_mode(index):
        return False
    while known < number:
        known = seen.cas(known, number)
    return True


def _kick_callers() -> None:
    """Have the CPUs with callbacks look whether theirs may run."""
    me = cpu()
    callers = PERIODS.callers.load()
    for index in range(callers.bit_length()):
        if callers >> index & 1:
            if index == me.index:
                me.area.need_resched = 1
            else:
                ipi.send_reschedule(index)


def _run_callbacks(mine: RcuCpu) -> None:
    while mine.first:
        head = RcuHead.at(mine.first)
        if head.needs > PERIODS.completed.load():
            return
        flag = interrupts.save()
        mine.first = head.next
        if not mine.first:
            PERIODS.callers.and_(~(1 << cpu().index))
        interrupts.restore(flag)
        FUNCTIONS[head.function](head.argument)
