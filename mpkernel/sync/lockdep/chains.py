"""Chains: the locks that a context holds, as a path through a tree of what was seen before.

    root(context) -- lock a --> Link -- lock b --> Link

A Link is made, and its chain checked, when a CPU takes these locks in this order in this state for
the first time; from then on the acquisition is one look-up. That another CPU has checked the same
chain stands in the ledger.

State: private; its chains also in the ledger. Locks: none. Context: any.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from mpkernel.sync.lockdep import graph, modes, records
from mpkernel.sync.lockdep.graph import ClassNode

#: Bits of a link's ``which``, below the mode: what may interrupt its holder.
HARD_OFF: Final = 1 << 0
DEFERRED_OFF: Final = 1 << 1
#: It is nested under another lock, which is held.
UNDER: Final = 1 << 2
#: Link.marked with a bit for each context of usage.
ALL_MARKED: Final = 0b11
MODE_SHIFT: Final = 3
KEY_SHIFT: Final = 16

# Contexts of a root: a bit for an interrupt's handler, one for deferred work.
IN_HARD: Final = 1 << 0
IN_DEFERRED: Final = 1 << 1
IN_RAW: Final = 1 << 2  #: a handler that may wait for raw spinlocks only


class Link:
    """A chain of locks held, as its last link; ``before`` leads to the others."""

    __slots__ = ("after", "before", "context", "inner", "marked", "mode", "node", "which")

    def __init__(
        self, before: "Link | None", which: int, context: int, inner: int, node: ClassNode | None
    ) -> None:
        self.before = before
        self.which = which
        self.mode = (which & (1 << KEY_SHIFT) - 1) >> MODE_SHIFT
        self.context = context  #: IN_*
        self.inner = inner  #: WAIT_*: what may be waited for with all these held
        self.node = node
        self.after: dict[int, Link] = {}  #: by which: one lock more
        self.marked = 0  #: bits: interrupts, deferred work were enabled with these held

    @property
    def key(self) -> int:
        """Key of the lock's class."""
        return self.which >> KEY_SHIFT

    @property
    def kind(self) -> modes.Kind:
        """Kind of the lock."""
        return modes.kind_of(self.mode)

    def name(self) -> str:
        """The lock's class, and how it is held."""
        how = ("", ", shared", ", shared recursively")[self.mode & modes.SHARING]
        return f"{graph.name_of_key(self.key)} ({self.kind.name}{how})"

    def chain(self) -> "Iterator[Link]":
        """Give this link and those before it in the same context, the last first."""
        link = self
        while link.before is not None:
            yield link
            link = link.before


def root(context: int) -> Link:
    """The empty chain of a context."""
    inner = modes.WAIT_RAW if context & IN_RAW else modes.WAIT_SPIN if context else modes.WAIT_SLEEP
    empty = Link(None, 0, context, inner, None)
    empty.marked = ALL_MARKED
    return empty


def which_of(key: int, mode: int, flags: int) -> int:
    """A step of a chain in one integer."""
    return key << KEY_SHIFT | mode << MODE_SHIFT | flags


def is_known(link: Link) -> bool:
    """Whether some CPU has checked this chain."""
    return records.find(records.CHAIN, _bytes(link)) != 0


def is_checked(link: Link) -> None:
    """Say that this chain is checked."""
    records.put(records.CHAIN, _bytes(link))


def _bytes(link: Link) -> bytes:
    steps = [one.which for one in link.chain()]
    return Struct(f"<Q{len(steps)}Q").pack(link.context, *steps[::-1])


def all_chains() -> Iterator[tuple[int, list[int]]]:
    """All chains that some CPU has checked: context, and by lock its ``which``."""
    for record in records.all_of(records.CHAIN):
        data = records.content(record)
        context, *steps = Struct(f"<{len(data) // 8}Q").unpack(data)
        yield context, steps
