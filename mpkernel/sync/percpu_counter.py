"""Per-CPU counter: each CPU counts for itself, the sum is made when somebody asks.

    PACKETS: Final = PerCpuCounter()
    PACKETS.add(1)          # no atomic, no cache line that two CPUs write
    PACKETS.sum()           # exact once nobody counts

A CPU's part may be negative: what one counts up another may count down.

State: RAM. Locks: none; a part is written by its CPU only, and no safepoint comes between its load
and its store. Context: any.
"""

from typing import Annotated

from hw.spec.layout import Layout, i64, layout, this_cpu
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.topology import cpu_count


@layout(size=8)
class CounterPart(Layout):
    """What one CPU has counted."""

    value: Annotated[i64, this_cpu]


class PerCpuCounter:
    """A counter in parts. Made at import time only, like all that is placed."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts = PerCpu(CounterPart)

    def add(self, n: int) -> None:
        """Count ``n``, which may be negative."""
        self._parts.of(cpu().index).value += n

    def sum(self) -> int:
        """All parts; while others count, some value that the counter had or passed meanwhile."""
        return sum(self._parts.of(index).value for index in range(cpu_count()))

    def part(self, index: int) -> int:
        """What CPU ``index`` has counted."""
        value: int = self._parts.of(index).value
        return value

    def clear(self) -> None:
        """Set to zero. While nobody counts."""
        for index in range(cpu_count()):
            self._parts.of(index).value = 0
