"""Contexts of wound/wait mutexes: one attempt to take several locks, and how old it is.

Contexts are stamped in the order of their beginning; of two in each other's way the older one wins
(sched.ww_mutex), and keeps its stamp, so everybody is the oldest some day.

    init -> locks are taken -> done -> locks are given back -> fini

State: RAM. Locks: none; a context is of one task, others only read its age and wound it.
Context: task.
"""

from dataclasses import dataclass
from typing import Annotated, Final, NoReturn

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU32, AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.panic import panic
from mpkernel.sched.task import current
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import LockClass


@dataclass(frozen=True)
class WwClass:
    """Locks that may be taken together, and the contexts that take them."""

    locks: LockClass
    contexts: LockClass
    is_wait_die: bool = True


@layout(size=8)
class Stamps(Layout):
    """The order of contexts."""

    next: AtomicU64


STAMPS: Final = memory.static(Stamps)

#: States of a context.
_GONE: Final = 0
_OPEN: Final = 1
_DONE: Final = 2  #: takes no more locks


@layout(size=48)
class WwContext(Layout):
    """One attempt to take several locks. Of one task; others read stamp and acquired, and wound."""

    stamp: Annotated[u64, fixed]  #: lower is older
    task: Annotated[u64, fixed]
    blocked: u64  #: WwMutex on which it got EDEADLK; to be taken first
    acquired: Annotated[u32, atomic]  #: locks held
    wounded: AtomicU32  #: 1: an older context waits for it
    state: u32
    key: Annotated[u32, fixed]  #: class of the locks
    context_key: Annotated[u32, fixed]
    is_wait_die: Annotated[u32, fixed]

    def init(self, ww_class: WwClass) -> None:
        """Begin: the context is younger than all before it."""
        memory.zero(self.phys, self.SIZE)
        self.stamp = STAMPS.next.add(1)
        self.task = current().phys
        self.key, self.context_key = ww_class.locks.id, ww_class.contexts.id
        self.is_wait_die = ww_class.is_wait_die
        self.state = _OPEN
        watch = cpu().lockdep
        if watch is not None:
            watch.acquire(self.phys, self.context_key, modes.WW_CONTEXT)

    @property
    def is_open(self) -> bool:
        """Whether it may take locks."""
        return bool(self.state == _OPEN)

    def is_older(self, other: "WwContext") -> bool:
        """Whether this one began before the other."""
        return bool(self.stamp < other.stamp)

    def done(self) -> None:
        """No more locks are taken."""
        if self.state != _OPEN:
            wrong(self.phys, "a ww-context is done twice")
        self.state = _DONE

    def fini(self) -> None:
        """End, with all locks given back."""
        if self.state == _GONE:
            wrong(self.phys, "a ww-context is ended twice")
        if self.acquired:
            wrong(self.phys, f"a ww-context is ended with {self.acquired} locks held")
        self.state = _GONE
        watch = cpu().lockdep
        if watch is not None:
            watch.release(self.phys)


def wrong(lock: int, what: str) -> NoReturn:
    """Report and panic: the rules of ww-mutexes are broken."""
    watch = cpu().lockdep
    if watch is not None:
        watch.misused(lock, what)
    panic(what)
