"""Scopes of allocation: what an allocation inside may do to win memory back.

    with scopes.nofs(): ...        # reclaim in here must not call into a file system
    with scopes.noio(): ...        # nor start any I/O

Who holds what reclaim would need says so once, for all that is called, instead of passing a flag
down. The scope belongs to the task: it stays while the task sleeps.

Reclaim itself is a section, too (``reclaim``): the validator sees it, and each allocation that may
reclaim, as the same lock; so a lock taken inside reclaim and held over such an allocation is found
without running out of memory.

State: Task.scopes. Locks: none. Context: task.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mpkernel.arch.cpu import cpu
from mpkernel.sched.task import Task, current
from mpkernel.sync.lockdep import modes
from mpkernel.sync.ranks import RECLAIM

#: What an allocation may do.
MAY_FS: Final = 1 << 0
MAY_IO: Final = 1 << 1
KERNEL: Final = MAY_FS | MAY_IO
NOFS: Final = MAY_IO
NOIO: Final = 0


def allowed(wanted: int = KERNEL) -> int:
    """What of ``wanted`` an allocation by the current task may do."""
    return wanted & ~current().scopes


@contextmanager
def nofs() -> Iterator[None]:
    """No allocation inside calls into a file system."""
    with _forbidding(MAY_FS):
        yield


@contextmanager
def noio() -> Iterator[None]:
    """No allocation inside starts I/O, nor calls into a file system."""
    with _forbidding(MAY_FS | MAY_IO):
        yield


@contextmanager
def reclaim() -> Iterator[None]:
    """Memory is being won back: what the block takes, reclaim needs."""
    place = _reclaim_lock(current())
    watch = cpu().lockdep
    if watch is not None:
        watch.acquire(place, RECLAIM.id, modes.RECLAIM)
    try:
        yield
    finally:
        watch = cpu().lockdep
        if watch is not None:
            watch.release(place)


def may_reclaim(wanted: int = KERNEL) -> None:
    """Say that an allocation happens here that may reclaim, if the scope lets it."""
    if not allowed(wanted) & MAY_FS:
        return
    watch = cpu().lockdep
    if watch is not None:
        place = _reclaim_lock(current())
        watch.acquire(place, RECLAIM.id, modes.RECLAIM)
        watch.release(place)


@contextmanager
def _forbidding(bits: int) -> Iterator[None]:
    task = current()
    before: int = task.scopes
    task.scopes = before | bits
    try:
        yield
    finally:
        task.scopes = before


def _reclaim_lock(task: Task) -> int:
    """Address by which the validator knows the task's reclaim section."""
    return task.phys + Task.offset_of("scopes")
