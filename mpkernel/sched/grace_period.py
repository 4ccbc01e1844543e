"""Grace period: a task sleeps until no RCU reader of before is left.

    table.remove(entry); await grace_period.passed(); free(entry)

State: RAM. Locks: WaitQueue.lock. Context: task; may sleep.
"""

from typing import Final

from hw.spec.layout import Layout, layout
from mpkernel.arch import memory
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import preempt, rcu


@layout()
class Waiters(Layout):
    """Tasks that wait for the end of a grace period."""

    queue: WaitQueue


WAITERS: Final = memory.static(Waiters)


def init() -> None:
    """Nobody waits. Before the first task."""
    WAITERS.queue.init()


def ended() -> None:
    """Wake who waits: rcu.ENDED. Where no task runs, the queue is not even made."""
    if not WAITERS.queue.is_empty():
        WAITERS.queue.wake_all()


async def passed() -> None:
    """Return when all RCU read sections that were open have ended."""
    preempt.might_sleep()
    number = rcu.needed()
    rcu.want(number)
    await WAITERS.queue.wait_until(
        lambda: rcu.PERIODS.completed.load() >= number, interruptible=False
    )
