"""Tasks asleep in the kernel: those that sleep too long, and those that nobody will wake.

A task whose condition holds and that sleeps on has lost its wakeup. Only its own CPU can test the
condition: it is asked once a sleep has lasted a while, and again a little later, for a waker makes
the condition true first and wakes then. A lock's waiter is seen from outside: nobody has the lock.

State: private to the launcher. Context: the launcher.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mpkernel.arch import outside, topology, waits_for
from mpkernel.arch.waits_for import Sleep
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.sleeping_lock import QUEUED
from mpkernel.sched.task import TASK_SLEEPING, Task, Waiter, is_asleep
from mpkernel.sched.waits_graph import Node, is_in_ram
from mpkernel.tools.detector.finding import HUNG_TASK, LOST_WAKEUP
from mpkernel.tools.detector.limits import Limits

#: A condition that does not hold is tested again after this share more of the sleep.
_BACK_OFF: Final = 2


class Key(NamedTuple):
    """One sleep."""

    home: int
    slot: int
    sequence: int


class SleeperComplaint(NamedTuple):
    """A task that sleeps and should not."""

    kind: str
    key: Key
    task: Node
    what: str


class Sleepers:
    """All tasks asleep, look after look."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._next_test_ns: dict[Key, int] = {}
        self._suspects: set[Key] = set()
        self._told: set[tuple[str, Key]] = set()

    def look(self) -> Iterator[SleeperComplaint]:
        """See who sleeps; complain about who should not."""
        asleep = dict(self._asleep())
        self._suspects &= asleep.keys()
        self._told = {one for one in self._told if one[1] in asleep}
        self._next_test_ns = {k: ns for k, ns in self._next_test_ns.items() if k in asleep}
        for key, sleep in asleep.items():
            lasts_ns = outside.ns_since(sleep.since_tsc)
            is_hung = lasts_ns > self._limits.hung_task_s * 1e9 and not sleep.deadline_ns
            if is_hung and Task.at(sleep.task).state != TASK_SLEEPING:
                yield from self._tell(HUNG_TASK, key, sleep, lasts_ns)
            if self._is_forgotten(key, sleep, lasts_ns):
                yield from self._tell(LOST_WAKEUP, key, sleep, lasts_ns)

    def _asleep(self) -> Iterator[tuple[Key, Sleep]]:
        for index in range(topology.cpu_count()):
            for slot, sleep in waits_for.sleepers(index):
                if is_in_ram(sleep.task, Task.SIZE) and is_asleep(Task.at(sleep.task)):
                    yield Key(index, slot, sleep.sequence), sleep

    def _is_forgotten(self, key: Key, sleep: Sleep, lasts_ns: int) -> bool:
        """Whether what the task waits for was so at two looks running."""
        due_ns = self._next_test_ns.setdefault(key, int(self._limits.lost_wakeup_s * 1e9))
        if lasts_ns < due_ns:
            return False
        if not _holds(key, sleep):
            self._suspects.discard(key)
            self._next_test_ns[key] = lasts_ns * _BACK_OFF
            return False
        if key in self._suspects:
            return True
        self._suspects.add(key)
        return False

    def _tell(self, kind: str, key: Key, sleep: Sleep, lasts_ns: int) -> Iterator[SleeperComplaint]:
        if (kind, key) in self._told:
            return
        self._told.add((kind, key))
        task = Node(is_task=True, number=sleep.task)
        why = (
            "though what it waits for is so" if kind == LOST_WAKEUP
            else "where only a signal that ends it wakes it" if sleep.is_killable
            else "where no signal wakes it"
        )  # fmt: skip
        text = f"{task} sleeps on CPU {key.home} for {lasts_ns / 1e9:.1f} s, {why}"
        yield SleeperComplaint(kind, key, task, text)


def _holds(key: Key, sleep: Sleep) -> bool:
    if sleep.kind == waits_for.EVENT:
        return bool(outside.ask(key.home, outside.ASK_TEST, key.slot, key.sequence))
    return sleep.kind == waits_for.MUTEX and _is_first_of_a_free_mutex(sleep)


def _is_first_of_a_free_mutex(sleep: Sleep) -> bool:
    if not is_in_ram(sleep.object, Mutex.SIZE):
        return False
    mutex = Mutex.at(sleep.object)
    first: int = mutex.queue.waiters.next
    waiter_at = sleep.task + Task.offset_of("waiter") + Waiter.offset_of("node")
    return not mutex.owner.value & ~QUEUED and first == waiter_at
