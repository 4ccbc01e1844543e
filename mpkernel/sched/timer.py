"""Timers of a CPU: tasks to be woken at a time, soonest first.

A timer belongs to the CPU on which it was armed, the home of a task that sleeps in the kernel. The
hardware's one deadline is the sooner of the first timer and the tick.

State: RAM. Locks: TimerQueue.lock, with interrupts off. Context: arming and disarming, task;
expiry, the timer interrupt.
"""

from typing import TYPE_CHECKING, Annotated, Final

from hw.spec.layout import Layout, fixed, guarded_by, layout, u32, u64
from mpkernel.arch import timer as hardware
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.collections.list import ListNode
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

if TYPE_CHECKING:
    from mpkernel.sched.task import Task

NEVER: Final = hardware.NEVER
now_ns = hardware.now_ns


@layout(size=48)
class Timer(Layout):
    """A task's place in a CPU's timers (Task.timer)."""

    node: Annotated[ListNode, guarded_by("TimerQueue.lock")]
    deadline_ns: Annotated[u64, guarded_by("TimerQueue.lock")]
    task: Annotated[u64, fixed]
    cpu: Annotated[u32, guarded_by("TimerQueue.lock")]
    is_armed: Annotated[u32, guarded_by("TimerQueue.lock")]
    fired: u64  #: times it has expired


@layout()
class TimerQueue(Layout):
    """Timers of one CPU."""

    lock: Spinlock
    timers: Annotated[ListNode, guarded_by("lock")]  #: by deadline
    tick_ns: u64  #: deadline of the tick, NEVER while the tick is stopped


QUEUES: Final = PerCpu(TimerQueue)


def init(index: int) -> None:
    """No timers yet, and no tick. Before CPU ``index`` is online."""
    queue = QUEUES.of(index)
    queue.lock.init(ranks.TIMER)
    queue.timers.init()
    queue.tick_ns = NEVER


def arm(task: "Task", deadline_ns: int) -> None:
    """Wake the current task at a monotonic time, if it still sleeps then."""
    timer = task.timer
    this = cpu().index
    queue = QUEUES.of(this)
    with queue.lock.irqsave():
        if timer.is_armed:
            timer.node.remove()
        timer.task = task.phys
        timer.deadline_ns = deadline_ns
        timer.cpu = this
        timer.is_armed = 1
        for later in queue.timers.objects(Timer, "node"):
            if later.deadline_ns > deadline_ns:
                later.node.append(timer.node)  # "last before" that node
                break
        else:
            queue.timers.append(timer.node)
        program_locked(queue)


def disarm(task: "Task") -> None:
    """The timer, if it is armed, will not fire. From any CPU."""
    timer = task.timer
    queue = QUEUES.of(timer.cpu)
    with queue.lock.irqsave():
        if timer.is_armed:
            timer.node.remove()
            timer.is_armed = 0


def set_tick(deadline_ns: int) -> None:
    """Set when this CPU's next tick is; NEVER stops it."""
    queue = QUEUES.of(cpu().index)
    with queue.lock.irqsave():
        queue.tick_ns = deadline_ns
        program_locked(queue)


def next_deadline_ns() -> int:
    """When this CPU must wake at the latest."""
    queue = QUEUES.of(cpu().index)
    with queue.lock.irqsave():
        return _soonest_locked(queue)


def take_expired() -> list[int]:
    """Disarm the timers whose time has come; return their tasks, soonest first."""
    queue = QUEUES.of(cpu().index)
    expired = []
    with queue.lock.irqsave():
        now = now_ns()
        for timer in queue.timers.objects(Timer, "node"):
            if timer.deadline_ns > now:
                break
            timer.node.remove()
            timer.is_armed = 0
            timer.fired += 1
            expired.append(timer.task)
        program_locked(queue)
    return expired


def program_locked(queue: TimerQueue) -> None:
    """Give the hardware the soonest deadline of this CPU."""
    hardware.arm(_soonest_locked(queue))


def _soonest_locked(queue: TimerQueue) -> int:
    first = queue.timers.first(Timer, "node")
    tick: int = queue.tick_ns
    return tick if first is None else min(tick, first.deadline_ns)
