"""The CPU that this process is: its index, its core, and its private Python objects.

Everything a CPU keeps to itself hangs off its ``Cpu``; everything another CPU may see is bytes in
RAM. ``use_cpu`` swaps the current one, so that tests (and the explorer) can run several CPUs in one
process under a schedule of their choice.

State: private (one ``Cpu`` a process); CpuArea is RAM, touched by its own CPU, read by watchers.
Locks: none. Context: any.
"""

import os
from typing import TYPE_CHECKING, Annotated, Any, Final

from hw.spec.layout import Layout, layout, this_cpu, u32, u64
from hw.spec.memory_map import MAX_CPUS
from hw.spec.watch import PLACE, WATCHING
from mpkernel.arch import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from hw.cpu.core import Core
    from hw.irq.local_apic import LocalApic
    from mpkernel.sync.lockdep.hooks import Lockdep

#: Turns of a spin loop before a waiter gives its host CPU away at each turn.
SPINS_BEFORE_YIELD: Final = 20


@layout()
class CpuArea(Layout):
    """What a CPU says about itself."""

    preempt_count: Annotated[u32, this_cpu]  #: > 0: no switch of tasks here
    irqs_off: Annotated[u32, this_cpu]  #: 1: interrupts wait
    irq_depth: Annotated[u32, this_cpu]  #: > 0: inside an interrupt handler
    need_resched: Annotated[u32, this_cpu]  #: 1: switch at the next chance
    current: Annotated[u64, this_cpu]  #: task that runs here, 0 for the idle loop
    interrupts: Annotated[u64, this_cpu]  #: taken since start


AREAS: Final = memory.static_array(CpuArea, MAX_CPUS)


class Cpu:
    """One CPU's private objects. ``coroutines`` are the kernel stacks of tasks that sleep here."""

    __slots__ = (
        "after_interrupts",
        "apic",
        "area",
        "core",
        "coroutines",
        "index",
        "interrupt_handler",
        "lockdep",
    )

    def __init__(
        self, index: int, core: "Core | None" = None, apic: "LocalApic | None" = None
    ) -> None:
        self.index = index
        self.area = AREAS[index]
        self.core = core
        self.apic = apic
        self.coroutines: dict[int, Coroutine[Any, Any, Any]] = {}
        #: The lock validator, None while it is off or at work itself.
        self.lockdep: Lockdep | None = None
        self.interrupt_handler: Callable[[int], None] | None = None
        #: Runs when no more interrupts wait: irq.deferred.
        self.after_interrupts: Callable[[], None] | None = None


_current: Cpu = Cpu(0)


def cpu() -> Cpu:
    """The CPU that runs this code."""
    return _current


def use_cpu(new: Cpu) -> None:
    """Make ``new`` the CPU of this process from here on."""
    global _current  # noqa: PLW0603  the one place: which CPU this process is
    _current = new


def relax(turn: int) -> None:
    """One turn of a spin loop: let an interrupt in, give the host CPU away after a while."""
    from mpkernel.arch import interrupts  # noqa: PLC0415  interrupts needs cpu()

    interrupts.safepoint()
    if WATCHING:
        PLACE.observer.relax()
    elif turn >= SPINS_BEFORE_YIELD:
        os.sched_yield()
