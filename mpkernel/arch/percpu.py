"""Per-CPU variables: one copy a CPU in the data segment, on cache lines of its own.

    STATS: Final = PerCpu(SchedStats)
    STATS.this().switches += 1      # preemption must be off
    STATS.of(3).switches            # another CPU's, under the rule that its layout names

State: RAM. Locks: named by the layouts. Context: any.
"""

from typing import Generic, TypeVar

from hw.spec.layout import Layout
from hw.spec.memory_map import MAX_CPUS
from mpkernel.arch import memory
from mpkernel.arch.cpu import cpu

T = TypeVar("T", bound=Layout)


class PerCpu(Generic[T]):
    """A variable of which each CPU has its own."""

    __slots__ = ("_copies",)

    def __init__(self, kind: type[T]) -> None:
        self._copies = memory.static_array(kind, MAX_CPUS)

    def this(self) -> T:
        """Give this CPU's copy. Preemption or interrupts are off, else it is another's soon."""
        this = cpu()
        assert this.area.preempt_count or this.area.irqs_off, "per-CPU data with preemption on"
        return self._copies[this.index]

    def of(self, index: int) -> T:
        """The copy of CPU ``index``."""
        return self._copies[index]
