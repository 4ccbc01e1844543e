"""Every class of lock, with its place in the order. A lock may be taken only over lower ranks.

The order is code: it is checked at each acquisition, and docs/lock_order.md is generated from it.

State: none (constants). Context: any.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class LockClass:
    """A class of locks: what they guard, and where they stand in the order."""

    id: int
    name: str
    rank: int
    guards: str


_TABLE: Final = (
    # name, guards; taken first to taken last
    ("mount", "the table of mounts"),
    ("file_offset", "the position of an open file that several share (sleeping)"),
    ("inode", "the size of a file against its writers (sleeping)"),
    ("pipe", "a pipe's ring and its ends (sleeping)"),
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
    ("page_table", "the entries of an address space's page tables"),
    ("block_queue", "requests of a block device"),
    ("entropy", "the buffer of the entropy device (sleeping)"),
    ("virtqueue", "descriptors of one virtqueue"),
    ("irq_table", "vectors handed out and their handlers"),
    ("slab", "free objects of one size"),
    ("frames", "the bitmap of free frames"),
    ("wait_queue", "the waiters of one event"),
    ("timer", "the timer heap of one CPU"),
    ("run_queue", "tasks ready on one CPU"),
    ("log", "the ring of kernel messages"),
)

CLASSES: Final = tuple(
    LockClass(index + 1, name, 10 * (index + 1), guards)
    for index, (name, guards) in enumerate(_TABLE)
)
BY_ID: Final = {c.id: c for c in CLASSES}

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
    PAGE_TABLE,
    BLOCK_QUEUE,
    ENTROPY,
    VIRTQUEUE,
    IRQ_TABLE,
    SLAB,
    FRAMES,
    WAIT_QUEUE,
    TIMER,
    RUN_QUEUE,
    LOG,
) = CLASSES


def name_of(key: int) -> str:
    """Name of the class that a lock's key names (sync.lockdep.modes)."""
    known = BY_ID.get(key & 0xFFFF)
    return known.name if known else "(no class)"
