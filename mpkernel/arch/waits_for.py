"""Who waits for what right now: records that a watcher outside the cores reads.

A CPU that waits (for a spinning lock, for another CPU's answer) keeps a short stack of records, for
an interrupt may come while it waits, and wait itself. A task asleep in the kernel has a record of
the CPU that holds its coroutine. Records are made only by who waits: what is not contended costs
nothing. Who reads shared locks says so only then, too, for a reader that does not wait itself gets
on. Each begin and end of a wait counts ``sequence``, so that a watcher who reads the same number
twice knows that the wait was the same all the while.

    waits_for.begin(SPIN, lock); ...; waits_for.end()
    with waits_for.Asleep(EVENT, queue, task): await ...

State: the ledger; conditions of sleepers are private (``Cpu.conditions``).
Locks: none, a record has one writer. Context: any.
"""

from collections.abc import Callable, Collection
from ctypes import c_uint64
from itertools import islice, zip_longest
from typing import Annotated, Any, Final

from hw.clock import tsc
from hw.spec.layout import Layout, layout, this_cpu, u32, u64
from hw.spec.memory_map import MAX_CPUS
from mpkernel.arch import memory
from mpkernel.arch.cpu import cpu

# What is waited for. CPUs:
SPIN: Final = 1  #: a SpinCell (object) that another CPU has
RWLOCK: Final = 2  #: an Rwlock that another CPU writes, or others read
SHOOTDOWN: Final = 3  #: the end of another CPU's use (owner) of a space (object)
CALL: Final = 4  #: a function that another CPU (owner) runs
# Tasks:
EVENT: Final = 5  #: a condition, at a WaitQueue
MUTEX: Final = 6  #: a Mutex that another task has
RT_MUTEX: Final = 7  #: an RtMutex that another task has
RWSEM: Final = 8  #: an Rwsem that another task writes, or others read
WW_MUTEX: Final = 9  #: a WwMutex that another task has

#: Shared locks that a record tells of; more are not seen.
READS: Final = 4
#: Records of a CPU: a task's wait, and those of handlers that came meanwhile.
DEPTH: Final = 8
#: Tasks of a CPU that can be seen asleep at once; more are not seen.
SLEEPERS: Final = 2048
NOT_SEEN: Final = -1


@layout(size=56)
class CpuWait(Layout):
    """One wait of a CPU."""

    kind: Annotated[u32, this_cpu]
    owner: Annotated[u32, this_cpu]  #: CPU, for SHOOTDOWN and CALL
    object: Annotated[u64, this_cpu]  #: physical address
    since_tsc: Annotated[u64, this_cpu]
    reads: Annotated[Any, c_uint64 * READS, this_cpu]  #: Rwlocks that the CPU reads, 0 behind them


@layout()
class CpuWaits(Layout):
    """What a CPU waits for, innermost last; and how far its table of sleepers is in use."""

    sequence: Annotated[u64, this_cpu]  #: counts begins and ends
    depth: Annotated[u32, this_cpu]
    sleepers: Annotated[u32, this_cpu]  #: slots that were ever used
    waits: Annotated[Any, CpuWait * DEPTH, this_cpu]


@layout(size=80)
class Sleep(Layout):
    """One task asleep in the kernel."""

    sequence: Annotated[u64, this_cpu]  #: odd while somebody sleeps here
    task: Annotated[u64, this_cpu]
    kind: Annotated[u32, this_cpu]
    is_killable: Annotated[u32, this_cpu]  #: 1: a signal ends the sleep
    object: Annotated[u64, this_cpu]  #: physical address
    deadline_ns: Annotated[u64, this_cpu]  #: end of the sleep at the latest, 0 for none
    since_tsc: Annotated[u64, this_cpu]
    reads: Annotated[Any, c_uint64 * READS, this_cpu]  #: Rwsems that the task reads, 0 behind them


@layout()
class SleepTable(Layout):
    """The tasks asleep on a CPU."""

    records: Annotated[Any, Sleep * SLEEPERS, this_cpu]


WAITS: Final = memory.LEDGER.place_array(CpuWaits, MAX_CPUS)
_SLEEPS: Final = memory.LEDGER.place_array(SleepTable, MAX_CPUS)


def begin(kind: int, what: int, owner: int = 0) -> None:
    """From here on this CPU waits for what stands at physical address ``what``."""
    this = cpu()
    mine = WAITS[this.index]
    depth: int = mine.depth
    if depth < DEPTH:
        wait = mine.waits[depth]
        wait.kind, wait.owner, wait.object, wait.since_tsc = kind, owner, what, tsc()
        _tell_reads(wait.reads, this.reading)
    mine.depth = depth + 1
    mine.sequence += 1


def end() -> None:
    """The wait that began last is over."""
    mine = WAITS[cpu().index]
    mine.depth -= 1
    mine.sequence += 1


def _tell_reads(told: Any, reads: Collection[int]) -> None:
    if reads or told[0]:
        for place, lock in zip_longest(range(READS), islice(reads, READS), fillvalue=0):
            told[place] = lock


class Asleep:
    """Context manager: a task of this CPU sleeps meanwhile.

    ``condition``: what it waits for; None if nobody but the sleeper may test it.
    """

    __slots__ = ("_condition", "_deadline_ns", "_is_killable", "_kind", "_number", "_task", "_what")

    def __init__(
        self,
        kind: int,
        what: int,
        task: int,
        *,
        condition: Callable[[], object] | None = None,
        is_killable: bool = False,
        deadline_ns: int | None = None,
    ) -> None:
        self._kind = kind
        self._what = what
        self._task = task
        self._condition = condition
        self._is_killable = is_killable
        self._deadline_ns = deadline_ns
        self._number = NOT_SEEN

    def __enter__(self) -> None:
        this = cpu()
        mine = WAITS[this.index]
        number = this.free_slots.pop() if this.free_slots else mine.sleepers
        if number == SLEEPERS:
            return
        self._number = number
        this.conditions[number] = self._condition
        slot = record(this.index, number)
        slot.task, slot.kind, slot.is_killable = self._task, self._kind, self._is_killable
        slot.object, slot.deadline_ns, slot.since_tsc = self._what, self._deadline_ns or 0, tsc()
        _tell_reads(slot.reads, this.rwsems.get(self._task, ()))
        slot.sequence += 1
        mine.sleepers = max(mine.sleepers, number + 1)

    def __exit__(self, *_: object) -> None:
        if self._number == NOT_SEEN:
            return
        this = cpu()
        record(this.index, self._number).sequence += 1
        del this.conditions[self._number]
        this.free_slots.append(self._number)


def record(index: int, number: int) -> Sleep:
    """A slot of CPU ``index``."""
    found: Sleep = _SLEEPS[index].records[number]
    return found


def cpu_wait(index: int) -> tuple[int, CpuWait | None]:
    """What CPU ``index`` waits for now, and its sequence: a copy, for watchers."""
    waits = WAITS[index]
    while True:
        sequence: int = waits.sequence
        depth = min(waits.depth, DEPTH)
        wait = CpuWait.from_buffer_copy(waits.waits[depth - 1]) if depth else None
        if waits.sequence == sequence:
            return sequence, wait


def sleepers(index: int) -> list[tuple[int, Sleep]]:
    """The tasks asleep on CPU ``index``, each with its slot: copies, for watchers."""
    found = []
    for number in range(WAITS[index].sleepers):
        slot = record(index, number)
        copy = Sleep.from_buffer_copy(slot)
        if copy.sequence & 1 and slot.sequence == copy.sequence:
            found.append((number, copy))
    return found
