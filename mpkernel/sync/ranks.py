"""Every class of lock, with its place in the order. A lock may be taken only over lower ranks.

The order is code: the lock validator checks it, and docs/lock_order.md is generated from it. Tests
and scenarios name classes of their own, which have no rank: only the validator orders them.

State: the ledger (names of classes without rank). Locks: none. Context: any.
"""

import ctypes
import zlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, fixed, layout
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU32


@dataclass(frozen=True)
class LockClass:
    """A class of locks: what they guard, and where they stand in the order."""

    id: int
    name: str
    rank: int  #: 0: none
    guards: str
    is_nested: bool = False  #: what is taken last must be given back first


_TABLE: Final = (
    # name, guards; taken first to taken last
    ("mount", "the table of mounts"),
    ("file_offset", "the position of an open file that several share (sleeping)"),
    ("inode", "the size of a file against its writers (sleeping)"),
    ("pipe", "a pipe's ring and its ends"),
    ("tty", "line discipline and input ring of a terminal"),
    ("address_space", "the VMAs and page tables of an address space (sleeping)"),
    ("process_tree", "parents, children, process ids and exit states"),
    ("files", "a table of open files"),
    ("tree", "the shape of file trees in memory: who moves or removes directories"),
    ("names", "the names in a directory in memory"),
    ("inode_table", "inodes by number"),
    ("signal", "pending signals of a process"),
    ("futex", "the waiters on futexes of one hash bucket"),
    ("page_cache", "the pages of one file"),
    ("entropy", "the buffer of the entropy device (sleeping)"),
    ("virtqueue", "descriptors of one virtqueue"),
    ("irq_table", "vectors handed out and their handlers"),
    ("slab", "free objects of one size"),
    ("frames", "the bitmap of free frames"),
    ("wait_queue", "the waiters of one event"),
    ("timer", "the timer heap of one CPU"),
    ("priority", "who waits for which rt-mutex, and the priorities lent"),
    ("run_queue", "tasks ready on one CPU"),
    ("log", "the ring of kernel messages"),
)

CLASSES: Final = tuple(
    LockClass(index + 1, name, 10 * (index + 1), guards)
    for index, (name, guards) in enumerate(_TABLE)
)
#: Sections that are no locks, but that the validator sees as such. Nobody waits for them.
SECTIONS: Final = (
    LockClass(len(CLASSES) + 1, "rcu_read", 0, "what RCU readers look at"),
    LockClass(
        len(CLASSES) + 2,
        "reclaim",
        0,
        "memory that is being won back from its users",
        is_nested=True,
    ),
)
RCU_READ, RECLAIM = SECTIONS

_WAIT_RANK: Final = next(c.rank for c in CLASSES if c.name == "wait_queue")

#: Wait queues whose event the validator follows: who waits there waits for all that whoever wakes
#: them needed to get that far. Of a class only if its events are alike: for pages, say, the class
#: would see a circle where one task waits for a page that another reads with a lock of its own.
EVENTS: Final = (
    LockClass(
        SECTIONS[-1].id + 1, "request_done", _WAIT_RANK, "waiters for a disk that serves requests"
    ),
    LockClass(SECTIONS[-1].id + 2, "entropy_done", _WAIT_RANK, "waiters for random bytes"),
    LockClass(SECTIONS[-1].id + 3, "descriptors", _WAIT_RANK, "waiters for room in a virtqueue"),
)
REQUEST_DONE, ENTROPY_DONE, DESCRIPTORS = EVENTS
_BY_ID: Final = {c.id: c for c in (*CLASSES, *SECTIONS, *EVENTS)}

#: LockClass.id in a lock's key.
CLASS_MASK: Final = 0xFFFF
#: Ids of classes without rank begin here.
FIRST_UNRANKED: Final = 1024
_NAME_BYTES: Final = 60


@layout(size=64)
class ClassName(Layout):
    """Name of a class without rank."""

    is_set: AtomicU32
    text: Annotated[Any, ctypes.c_uint8 * _NAME_BYTES, fixed]


#: Found by hash: as many as a key has room for.
_UNRANKED: Final = memory.LEDGER.place_array(ClassName, CLASS_MASK + 1 - FIRST_UNRANKED)


def unranked(name: str) -> LockClass:
    """The class of that name, which has no place in the order; made when it is new.

    Made by one CPU: two that make the same name at once make two classes.
    """
    data = name.encode()[:_NAME_BYTES]
    first = zlib.crc32(data)
    for step in range(len(_UNRANKED)):
        place = (first + step) % len(_UNRANKED)
        entry = _UNRANKED[place]
        if not entry.is_set.value and not entry.is_set.xchg(1):
            ctypes.memmove(entry.text, data, len(data))
        if bytes(entry.text).rstrip(b"\0") == data:
            return LockClass(FIRST_UNRANKED + place, name, 0, "")
    raise MemoryError("too many classes of locks without rank")


def by_id(class_id: int) -> LockClass:
    """The class with an id, as locks keep it."""
    known = _BY_ID.get(class_id)
    if known is not None:
        return known
    text = bytes(_UNRANKED[class_id - FIRST_UNRANKED].text).rstrip(b"\0")
    return LockClass(class_id, text.decode("utf-8", "replace"), 0, "")


(
    MOUNT,
    FILE_OFFSET,
    INODE,
    PIPE,
    TTY,
    ADDRESS_SPACE,
    PROCESS_TREE,
    FILES,
    TREE,
    NAMES,
    INODE_TABLE,
    SIGNAL,
    FUTEX,
    PAGE_CACHE,
    ENTROPY,
    VIRTQUEUE,
    IRQ_TABLE,
    SLAB,
    FRAMES,
    WAIT_QUEUE,
    TIMER,
    PRIORITY,
    RUN_QUEUE,
    LOG,
) = CLASSES


def name_of(key: int) -> str:
    """Name of the class that a lock's key names (sync.lockdep.modes)."""
    class_id = key & CLASS_MASK
    return by_id(class_id).name if class_id else "(no class)"
