"""The CPU that this process is: its index, its core, and its private Python objects.

Everything a CPU keeps to itself hangs off its ``Cpu``; everything another CPU may see is bytes in
RAM. ``use_cpu`` swaps the current one, so that tests (and the explorer) can run several CPUs in one
process under a schedule of their choice.

State: private (one ``Cpu`` a process); CpuArea is RAM, touched by its own CPU, read by watchers.
Locks: none. Context: any.
"""

import ctypes
from typing import TYPE_CHECKING, Annotated, Any, Final

from hw.spec.layout import Layout, layout, statistic, this_cpu, u32, u64
from hw.spec.memory_map import MAX_CPUS
from mpkernel.arch import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hw.cpu.core import Core
    from hw.irq.local_apic import LocalApic
    from mpkernel.sync.lockdep.hooks import Lockdep

#: Classes of locks that are counted one by one; the others together, as number 0.
LOCK_CLASSES: Final = 64


@layout(size=48)
class LockStats(Layout):
    """What a CPU has seen of the locks of one class. Times are TSC counts."""

    taken: Annotated[u64, statistic]  #: times it was given back
    held_tsc: Annotated[u64, statistic]  #: time it was held, in all
    longest_tsc: Annotated[u64, statistic]  #: and at most
    contended: Annotated[u64, statistic]  #: times it had to be waited for
    waited_tsc: Annotated[u64, statistic]
    longest_wait_tsc: Annotated[u64, statistic]


@layout()
class CpuArea(Layout):
    """What a CPU says about itself."""

    preempt_count: Annotated[u32, this_cpu]  #: > 0: no switch of tasks here
    irqs_off: Annotated[u32, this_cpu]  #: 1: interrupts wait
    irq_depth: Annotated[u32, this_cpu]  #: > 0: inside an interrupt handler
    need_resched: Annotated[u32, this_cpu]  #: 1: switch at the next chance
    current: Annotated[u64, this_cpu]  #: task that runs here, 0 for the idle loop
    interrupts: Annotated[u64, this_cpu]  #: taken since start
    locks: Annotated[Any, LockStats * LOCK_CLASSES, this_cpu]  #: by LockClass.id


AREAS: Final = memory.static_array(CpuArea, MAX_CPUS)


class Cpu:
    """One CPU's private objects. ``coroutines`` are the kernel stacks of tasks that sleep here."""

    __slots__ = (
        "after_interrupts",
        "apic",
        "area",
        "area_at",
        "conditions",
        "core",
        "coroutines",
        "free_slots",
        "index",
        "interrupt_handler",
        "lockdep",
        "number",
        "reading",
        "rwsems",
    )

    def __init__(
        self, index: int, core: "Core | None" = None, apic: "LocalApic | None" = None
    ) -> None:
        self.index = index
        self.number = index + 1  #: as the owner of locks, where 0 is nobody
        self.area = AREAS[index]
        self.area_at = ctypes.addressof(self.area)
        self.core = core
        self.apic = apic
        self.coroutines: dict[int, Coroutine[Any, Any, Any]] = {}
        #: Rwlocks that this CPU reads: how often, and the host TSC since when.
        self.reading: dict[int, tuple[int, int]] = {}
        #: Rw-semaphores that tasks here read, by task: the same of each.
        self.rwsems: dict[int, dict[int, tuple[int, int]]] = {}
        #: What tasks asleep here wait for, by slot of waits_for; and slots that are free again.
        self.conditions: dict[int, Callable[[], object] | None] = {}
        self.free_slots: list[int] = []
        #: The lock validator, None while it is off or at work itself.
        self.lockdep: Lockdep | None = None
        self.interrupt_handler: Callable[[int], None] | None = None
        #: Runs when no more interrupts wait: irq.deferred.
        self.after_interrupts: Callable[[], None] | None = None

    def count_hold(self, class_id: int, tsc: int) -> None:
        """Count the end of a hold of so many TSC counts of a lock of a class."""
        stats = self.area.locks[class_id if class_id < LOCK_CLASSES else 0]
        stats.taken += 1
        stats.held_tsc += tsc
        stats.longest_tsc = max(stats.longest_tsc, tsc)

    def count_wait(self, class_id: int, tsc: int) -> None:
        """Count a wait of so many TSC counts for a lock of a class."""
        stats = self.area.locks[class_id if class_id < LOCK_CLASSES else 0]
        stats.contended += 1
        stats.waited_tsc += tsc
        stats.longest_wait_tsc = max(stats.longest_wait_tsc, tsc)


_current: Cpu = Cpu(0)


def cpu() -> Cpu:
    """The CPU that runs this code."""
    return _current


def use_cpu(new: Cpu) -> None:
    """Make ``new`` the CPU of this process from here on."""
    global _current  # noqa: PLW0603  the one place: which CPU this process is
    _current = new
