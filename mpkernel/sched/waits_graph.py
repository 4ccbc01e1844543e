"""Who waits for whom, now: a graph of CPUs and tasks, read out of shared memory.

A CPU waits for the CPU that has its spinning lock, or owes it an answer; a task for the task that
has its sleeping lock; a writer for all who read. Of readers only those are known that wait
themselves (arch.waits_for), and no others can be in a circle. An answer counts as owed only while
the other has interrupts off, else it gives it while it waits itself. Nobody sleeps with a spinning
lock held, so that no circle has both.

State: none. Locks: none; everything is read as it is, torn views are met by reading twice.
Context: any; also the launcher, from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mpkernel.arch import outside, topology, waits_for
from mpkernel.arch.cpu import AREAS
from mpkernel.arch.memory import ram_end
from mpkernel.arch.spin_code import OWNER, SpinCell
from mpkernel.arch.waits_for import CpuWait, Sleep
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.sleeping_lock import QUEUED
from mpkernel.sched.task import Task, is_asleep, name_of
from mpkernel.sched.ww_mutex import WwMutex
from mpkernel.sync import ranks
from mpkernel.sync.rwlock import Rwlock

_RWLOCK_WRITER: Final = 0xFF
KIND_NAMES: Final = {
    waits_for.SPIN: "spinlock",
    waits_for.RWLOCK: "rwlock",
    waits_for.SHOOTDOWN: "TLB shootdown",
    waits_for.CALL: "function call",
    waits_for.EVENT: "event",
    waits_for.MUTEX: "mutex",
    waits_for.RT_MUTEX: "rt-mutex",
    waits_for.RWSEM: "rw-semaphore",
    waits_for.WW_MUTEX: "ww-mutex",
}
#: Locks that one task has.
_OWNED: Final = {
    waits_for.MUTEX: Mutex,
    waits_for.RT_MUTEX: RtMutex,
    waits_for.WW_MUTEX: WwMutex,
}


class Node(NamedTuple):
    """A CPU by its index, or a task by its address."""

    is_task: bool
    number: int

    def __str__(self) -> str:
        if not self.is_task:
            return f"CPU {self.number}"
        task = Task.at(self.number)
        return f"task {task.tid} ({name_of(task)})"


@dataclass(frozen=True)
class Waiting:
    """One wait. Two readings are the same wait if ``sequence`` is the same."""

    who: Node
    sequence: int
    kind: int  #: waits_for.*
    object: int
    owners: tuple[Node, ...]  #: each of them is in its way
    waits_ns: int
    held_ns: int  #: how long the owner has had it, 0 if nobody noted it
    name: str  #: class of the lock
    home: int = 0  #: CPU of a task
    slot: int = waits_for.NOT_SEEN
    is_killable: bool = False
    is_read: bool = False  #: the owners are readers

    def text(self) -> str:
        """In one line."""
        what = KIND_NAMES[self.kind] + (f" {self.name}" if self.name else "")
        line = f"{self.who} has waited {self.waits_ns / 1e9:.3f} s for {what}@{self.object:#x}"
        if not self.owners:
            return line
        owners = " and ".join(map(str, self.owners))
        if self.kind in (waits_for.SHOOTDOWN, waits_for.CALL):
            return f"{line}, which {owners} owes it"
        if self.held_ns:
            return f"{line}, which {owners} has had for {self.held_ns / 1e9:.3f} s"
        return f"{line}, which {owners} has{' for reading' if self.is_read else ''}"


Graph = dict[Node, Waiting]


def read() -> Graph:
    """All waits for locks and answers, by who waits."""
    cpus: dict[Node, tuple[int, CpuWait]] = {}
    tasks: dict[Node, tuple[int, int, Sleep]] = {}
    readers: dict[int, list[Node]] = {}
    for index in range(topology.cpu_count()):
        sequence, wait = waits_for.cpu_wait(index)
        if wait is not None:
            node = Node(is_task=False, number=index)
            cpus[node] = sequence, wait
            _note_reader(readers, node, wait.reads)
        for slot, sleep in waits_for.sleepers(index):
            if sleep.kind != waits_for.EVENT and _is_asleep(sleep):
                node = Node(is_task=True, number=sleep.task)
                tasks[node] = index, slot, sleep
                _note_reader(readers, node, sleep.reads)
    graph = {node: _of_cpu(node, *one, readers) for node, one in cpus.items()}
    graph.update({node: _of_task(node, *one, readers) for node, one in tasks.items()})
    return graph


def _note_reader(readers: dict[int, list[Node]], node: Node, locks: Sequence[int]) -> None:
    for lock in locks:
        if lock:
            readers.setdefault(lock, []).append(node)


def text() -> bytes:
    """What /proc/lock_waits shows: a line a wait, with who has the lock and for how long."""
    return "".join(f"{one.text()}\n" for one in read().values()).encode()


def circles(graph: Graph) -> list[list[Waiting]]:
    """The circles in it, each once: in each the next is one of those in the way of the one before.

    A writer waits for all readers, so one circle is enough for nobody in it ever to go on.
    """
    found: list[list[Waiting]] = []
    done: set[Node] = set()
    path: list[Node] = []

    def walk(here: Node) -> None:
        if here in path:
            found.append([graph[node] for node in path[path.index(here) :]])
        elif here in graph and here not in done:
            path.append(here)
            for owner in graph[here].owners:
                walk(owner)
            done.add(path.pop())

    for start in sorted(graph):
        walk(start)
    return found


def is_same(before: list[Waiting], now: Graph) -> bool:
    """Whether all waits of a circle go on, each still for the next."""
    return all(
        (later := now.get(one.who)) is not None
        and later.sequence == one.sequence
        and following.who in later.owners
        for one, following in zip(before, [*before[1:], before[0]], strict=True)
    )


def is_in_ram(address: int, size: int) -> bool:
    """Whether an object may stand there: what is read without a lock may be anything."""
    return 0 < address <= ram_end() - size


def _class_name(key: int) -> str:
    try:
        return ranks.name_of(key)
    except IndexError:
        return ""


def _of_cpu(
    node: Node, sequence: int, wait: CpuWait, readers: Mapping[int, Sequence[Node]]
) -> Waiting:
    owner, name, held_ns, is_read = 0, "", 0, False
    if wait.kind == waits_for.SPIN and is_in_ram(wait.object, SpinCell.SIZE):
        cell = SpinCell.at(wait.object)
        name = _class_name(cell.key)
        owner = cell.word.value & OWNER
        held_ns = outside.ns_since_host(cell.since) if owner else 0
    elif wait.kind == waits_for.RWLOCK and is_in_ram(wait.object, Rwlock.SIZE):
        lock = Rwlock.at(wait.object)
        name = _class_name(lock.key)
        owner = lock.word.value & _RWLOCK_WRITER
        is_read = not owner
    elif wait.kind in (waits_for.SHOOTDOWN, waits_for.CALL) and AREAS[wait.owner].irqs_off:
        owner = wait.owner + 1
    return Waiting(
        node,
        sequence,
        wait.kind,
        wait.object,
        _owners(
            node, Node(is_task=False, number=owner - 1) if owner else None, wait.object, readers
        ),
        outside.ns_since(wait.since_tsc),
        held_ns,
        name,
        is_read=is_read,
    )


def _owners(
    me: Node, owner: Node | None, lock: int, readers: Mapping[int, Sequence[Node]]
) -> tuple[Node, ...]:
    """Who is in the way: the one owner, or else all who say that they read the lock.

    Not who waits: it has just got the lock, and is about to end its wait. (Taking a lock twice
    panics at once.)
    """
    found = readers.get(lock, ()) if owner is None else (owner,)
    return tuple(node for node in found if node != me)


def _is_asleep(sleep: Sleep) -> bool:
    """Whether nobody woke the task: one that waits for its CPU only gets on."""
    return is_in_ram(sleep.task, Task.SIZE) and is_asleep(Task.at(sleep.task))


def _of_task(
    node: Node, home: int, slot: int, sleep: Sleep, readers: Mapping[int, Sequence[Node]]
) -> Waiting:
    name, owner, is_read = "", 0, False
    owned = _OWNED.get(sleep.kind)
    if owned is not None and is_in_ram(sleep.object, owned.SIZE):
        lock = owned.at(sleep.object)
        name, owner = _class_name(lock.key), lock.owner.value & ~QUEUED
    elif sleep.kind == waits_for.RWSEM and is_in_ram(sleep.object, Rwsem.SIZE):
        rwsem = Rwsem.at(sleep.object)
        name, owner = _class_name(rwsem.key), rwsem.writer
        is_read = not owner
    if not is_in_ram(owner, Task.SIZE):
        owner = 0  # a torn word
    return Waiting(
        node,
        home << 48 | slot << 32 | (sleep.sequence & 0xFFFF_FFFF),
        sleep.kind,
        sleep.object,
        _owners(node, Node(is_task=True, number=owner) if owner else None, sleep.object, readers),
        outside.ns_since(sleep.since_tsc),
        0,
        name,
        home=home,
        slot=slot,
        is_killable=bool(sleep.is_killable),
        is_read=is_read,
    )
