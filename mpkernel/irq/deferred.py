"""Work that an interrupt leaves for a moment when its CPU holds no spinlock.

    handler: work.schedule()  ->  after the last interrupt that waits, if preemption is on;
                                  else at the first safepoint where it is

So what it runs may take plain spinlocks, where a handler could take only those that everybody
takes with interrupts off. It runs with interrupts off, and may not sleep.

State: RAM. Locks: none: a CPU's list is its own, touched with interrupts off. Context: schedule,
any.
"""

from collections.abc import Callable
from typing import Annotated, Final

from hw.spec.layout import Layout, fixed, layout, this_cpu, u32, u64
from mpkernel.arch import interrupts
from mpkernel.arch.atomics import AtomicU32
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.collections.list import ListNode
from mpkernel.seam import Seam

# Ids of work.
WORK_CONSOLE_INPUT: Final = 1
WORK_HOST_SIGNALS: Final = 2
WORK_WATCH: Final = 3

#: By id of work: what runs, with the work's argument.
WORK: Final[Seam[Callable[[int], None]]] = Seam("deferred work")


@layout(size=32)
class DeferredWork(Layout):
    """Work to be done, in the memory of whom it is about."""

    node: Annotated[ListNode, this_cpu]
    argument: Annotated[u64, fixed]
    is_queued: AtomicU32  #: 1: on some CPU's list
    kind: Annotated[u32, fixed]  #: WORK_*

    def init(self, kind: int, argument: int) -> None:
        """Say what to run. Before anyone else can see it."""
        self.node.init()
        self.argument = argument
        self.kind = kind
        self.is_queued.store(0)

    def schedule(self) -> None:
        """Have it done once, soon, on this CPU; nothing new if it is queued already."""
        if self.is_queued.xchg(1):
            return
        flag = interrupts.save()
        _list().append(self.node)
        interrupts.ask_again()
        interrupts.restore(flag)


@layout()
class DeferredQueue(Layout):
    """What waits on one CPU."""

    works: Annotated[ListNode, this_cpu]
    runs: Annotated[u64, this_cpu]  #: works done (statistics)


QUEUES: Final = PerCpu(DeferredQueue)


def _list() -> ListNode:
    works: ListNode = QUEUES.of(cpu().index).works
    if not works.next:
        works.init()
    return works


def after_interrupts() -> None:
    """Do what waits on this CPU; if a spinlock is held here, at a later safepoint.

    This is ``Cpu.after_interrupts``.
    """
    this = cpu()
    queue = QUEUES.of(this.index)
    if queue.works.is_empty():
        return
    if this.area.preempt_count or this.area.irq_depth:
        interrupts.ask_again()
        return
    watch = this.lockdep
    flag = interrupts.save()
    this.area.preempt_count += 1  # nobody may think that a task could be switched here
    while (work := queue.works.first(DeferredWork, "node")) is not None:
        work.node.remove()
        work.is_queued.xchg(0)  # what comes from here on queues it again
        queue.runs += 1
        if watch is not None:
            watch.deferred_enter()
        WORK[work.kind](work.argument)
        if watch is not None:
            watch.deferred_exit()
    this.area.preempt_count -= 1
    interrupts.restore(flag)
