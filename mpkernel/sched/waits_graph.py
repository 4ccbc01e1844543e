"""Who waits for whom, now: a graph of CPUs and tasks, read out of shared memory.

A CPU waits for the CPU that has its spinning lock, or owes it an answer; a task for the task that
has its sleeping lock. An answer counts as owed only while the other has interrupts off, else it
gives it while it waits itself. Nobody sleeps with a spinning lock held, so that no circle has both.

State: none. Locks: none; everything is read as it is, torn views are met by reading twice.
Context: any; also the launcher, from outside.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from mpkernel.arch import outside, topology, waits_for
from mpkernel.arch.cpu import AREAS
from mpkernel.arch.memory import ram_end
from mpkernel.arch.spin_code import OWNER, SpinCell
from mpkernel.arch.waits_for import CpuWait, Sleep
from mpkernel.sched.mutex import QUEUED, Mutex
from mpkernel.sched.rt_mutex import QUEUED as RT_QUEUED
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.task import TASK_BLOCKED, TASK_SLEEPING, Task, name_of
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
    owner: Node | None
    waits_ns: int
    held_ns: int  #: how long the owner has had it, 0 if nobody noted it
    name: str  #: class of the lock
    home: int = 0  #: CPU of a task
    slot: int = waits_for.NOT_SEEN
    is_killable: bool = False

    def text(self) -> str:
        """In one line."""
        what = KIND_NAMES[self.kind] + (f" {self.name}" if self.name else "")
        line = f"{self.who} has waited {self.waits_ns / 1e9:.3f} s for {what}@{self.object:#x}"
        if self.owner is None:
            return line
        if self.kind in (waits_for.SHOOTDOWN, waits_for.CALL):
            return f"{line}, which {self.owner} owes it"
        if self.held_ns:
            return f"{line}, which {self.owner} has had for {self.held_ns / 1e9:.3f} s"
        return f"{line}, which {self.owner} has"


Graph = dict[Node, Waiting]


def read() -> Graph:
    """All waits for locks and answers, by who waits."""
    graph: Graph = {}
    for index in range(topology.cpu_count()):
        sequence, wait = waits_for.cpu_wait(index)
        if wait is not None:
            node = Node(is_task=False, number=index)
            graph[node] = _of_cpu(node, sequence, wait)
        for slot, sleep in waits_for.sleepers(index):
            if sleep.kind != waits_for.EVENT and _is_asleep(sleep):
                one = _of_task(index, slot, sleep)
                graph[one.who] = one
    return graph


def text() -> bytes:
    """What /proc/lock_waits shows: a line a wait, with who has the lock and for how long."""
    return "".join(f"{one.text()}\n" for one in read().values()).encode()


def circles(graph: Graph) -> list[list[Waiting]]:
    """The circles in it, each once."""
    found: list[list[Waiting]] = []
    done: set[Node] = set()
    for start in sorted(graph):
        path: list[Node] = []
        here: Node | None = start
        while here is not None and here in graph and here not in done and here not in path:
            path.append(here)
            here = graph[here].owner
        if here in path:
            found.append([graph[node] for node in path[path.index(here) :]])
        done.update(path)
    return found


def is_same(before: list[Waiting], now: Graph) -> bool:
    """Whether all waits of a circle go on, for the same owners."""
    return all(
        (later := now.get(one.who)) is not None
        and (later.sequence, later.owner) == (one.sequence, one.owner)
        for one in before
    )


def is_in_ram(address: int, size: int) -> bool:
    """Whether an object may stand there: what is read without a lock may be anything."""
    return 0 < address <= ram_end() - size


def _class_name(key: int) -> str:
    try:
        return ranks.name_of(key)
    except IndexError:
        return ""


def _of_cpu(node: Node, sequence: int, wait: CpuWait) -> Waiting:
    owner, name, held_ns = None, "", 0
    if wait.kind == waits_for.SPIN and is_in_ram(wait.object, SpinCell.SIZE):
        cell = SpinCell.at(wait.object)
        name = _class_name(cell.key)
        owner = _other_cpu(cell.word.value & OWNER, node)
        held_ns = outside.ns_since_host(cell.since) if owner else 0
    elif wait.kind == waits_for.RWLOCK and is_in_ram(wait.object, Rwlock.SIZE):
        lock = Rwlock.at(wait.object)
        name = _class_name(lock.key)
        owner = _other_cpu(lock.word.value & _RWLOCK_WRITER, node)
    elif wait.kind in (waits_for.SHOOTDOWN, waits_for.CALL) and AREAS[wait.owner].irqs_off:
        owner = Node(is_task=False, number=wait.owner)
    waits_ns = outside.ns_since(wait.since_tsc)
    return Waiting(node, sequence, wait.kind, wait.object, owner, waits_ns, held_ns, name)


def _other_cpu(number: int, waiter: Node) -> Node | None:
    """The CPU that has a spinning lock, by the number in its word; None if nobody has it.

    Nor if it is the waiter: it has just taken the lock and is about to end its wait. (Taking a lock
    twice panics at once.)
    """
    owner = Node(is_task=False, number=number - 1)
    return owner if number and owner != waiter else None


def _is_asleep(sleep: Sleep) -> bool:
    """Whether nobody woke the task: one that waits for its CPU only gets on."""
    if not is_in_ram(sleep.task, Task.SIZE):
        return False
    return Task.at(sleep.task).state in (TASK_SLEEPING, TASK_BLOCKED)


def _of_task(home: int, slot: int, sleep: Sleep) -> Waiting:
    owner, name = None, ""
    address = 0
    if sleep.kind == waits_for.MUTEX and is_in_ram(sleep.object, Mutex.SIZE):
        mutex = Mutex.at(sleep.object)
        name, address = _class_name(mutex.key), mutex.owner.value & ~QUEUED
    elif sleep.kind == waits_for.RT_MUTEX and is_in_ram(sleep.object, RtMutex.SIZE):
        rt_mutex = RtMutex.at(sleep.object)
        name, address = _class_name(rt_mutex.key), rt_mutex.owner.value & ~RT_QUEUED
    elif sleep.kind == waits_for.RWSEM and is_in_ram(sleep.object, Rwsem.SIZE):
        rwsem = Rwsem.at(sleep.object)
        name, address = _class_name(rwsem.key), rwsem.writer
    if address != sleep.task and is_in_ram(address, Task.SIZE):  # else it was handed the lock
        owner = Node(is_task=True, number=address)
    return Waiting(
        Node(is_task=True, number=sleep.task),
        home << 48 | slot << 32 | (sleep.sequence & 0xFFFF_FFFF),
        sleep.kind,
        sleep.object,
        owner,
        outside.ns_since(sleep.since_tsc),
        0,
        name,
        home=home,
        slot=slot,
        is_killable=bool(sleep.is_killable),
    )
