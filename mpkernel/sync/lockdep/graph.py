"""The graph: classes of locks, and edges that say "taken while the other was held".

    edge a -> b, with one bit a way in which it was seen:
        E or S   a was held exclusively, or shared
        N or R   b was waited for in turn, or as a recursive reader, who passes waiting writers

A class is a key (LockClass.id and level); the graph only grows. An edge is linked in before it is
checked: of two CPUs that close a cycle at the same moment, at least one sees the other's edge.

Spec: Linux, Documentation/locking/lockdep-design.rst, "Recursive read locks".
State: the ledger. Locks: none. Context: any.
"""

import ctypes
from collections.abc import Iterator
from struct import Struct
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from mpkernel.arch.atomics import AtomicU32, AtomicU64
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import modes, records, stacks

# Ways in which an edge was seen, as bits of EdgeNode.ways.
WAY_SR: Final = 1 << 0
WAY_ER: Final = 1 << 1
WAY_SN: Final = 1 << 2
WAY_EN: Final = 1 << 3
WAYS_E: Final = WAY_ER | WAY_EN
WAYS_N: Final = WAY_SN | WAY_EN
_WAYS: Final = 4

USAGES: Final = 8
_WORD: Final = Struct("<Q")
_PAIR: Final = Struct("<QQ")


@layout()
class ClassNode(Layout):
    """A class of locks as the validator knows it."""

    key: Annotated[u64, fixed]
    mode: Annotated[u32, atomic]  #: how it was taken first: its kind
    usage: AtomicU32  #: bit a usage (usage.py)
    after: AtomicU64  #: edges from here, 0 for none
    before: AtomicU64  #: edges to here
    usage_stacks: Annotated[Any, ctypes.c_uint64 * USAGES, atomic]  #: where each usage began


@layout()
class EdgeNode(Layout):
    """Its target was taken while its source was held."""

    source: Annotated[u64, fixed]
    target: Annotated[u64, fixed]
    next_after: Annotated[u64, fixed]  #: next edge from the source
    next_before: Annotated[u64, fixed]  #: next edge to the target
    ways: AtomicU32
    cpu: Annotated[u32, fixed]  #: where it was seen first
    way_stacks: Annotated[Any, ctypes.c_uint64 * _WAYS, atomic]  #: where each way was seen first


def class_of(key: int, mode: int) -> ClassNode | None:
    """The class with that key, made when it is new; None if memory is used up."""
    record, _ = records.put(records.CLASS, _WORD.pack(key), ClassNode.SIZE)
    if not record:
        return None
    node = ClassNode.at(records.tail(record))
    if not node.key:  # two that come at once write the same
        node.mode = mode & ~(modes.SHARING | modes.TRY)
        node.key = key
    return node


def add_edge(source: ClassNode, target: ClassNode, way: int, cpu: int) -> EdgeNode | None:
    """Link two classes; None if the edge was seen that way before, or memory is used up."""
    pair = _PAIR.pack(source.phys, target.phys)
    record, is_new = records.put(records.EDGE, pair, EdgeNode.SIZE)
    if not record:
        return None
    edge = EdgeNode.at(records.tail(record))
    if edge.ways.or_(way) & way:
        return None
    edge.way_stacks[way.bit_length() - 1] = stacks.capture()
    if is_new:
        edge.source, edge.target, edge.cpu = source.phys, target.phys, cpu
        while True:
            first = edge.next_after = source.after.value
            if source.after.cas(first, edge.phys) == first:
                break
        while True:
            first = edge.next_before = target.before.value
            if target.before.cas(first, edge.phys) == first:
                break
    return edge


def way_of(source_mode: int, target_mode: int) -> int:
    """The bit for how an edge was seen: how its source was held, how its target is taken."""
    is_exclusive = source_mode & modes.SHARING == modes.EXCLUSIVE
    is_normal = target_mode & modes.SHARING != modes.RECURSIVE
    return 1 << (is_exclusive + 2 * is_normal)


def edges_after(node: ClassNode) -> Iterator[EdgeNode]:
    """Edges from a class."""
    at = node.after.load()
    while at:
        edge = EdgeNode.at(at)
        yield edge
        at = edge.next_after


def edges_before(node: ClassNode) -> Iterator[EdgeNode]:
    """Edges to a class."""
    at = node.before.load()
    while at:
        edge = EdgeNode.at(at)
        yield edge
        at = edge.next_before


def stack_of(edge: EdgeNode) -> int:
    """Where an edge was seen first, the strongest way."""
    return next((stack for stack in reversed(edge.way_stacks) if stack), 0)


def classes() -> Iterator[ClassNode]:
    """All classes, in the order in which they were met."""
    for record in records.all_of(records.CLASS):
        node = ClassNode.at(records.tail(record))
        if node.key:
            yield node


def kind_of(node: ClassNode) -> modes.Kind:
    """The kind of lock that a class's locks are."""
    return modes.kind_of(node.mode)


def name_of_key(key: int) -> str:
    """Name of the class with a key, with its level."""
    name = ranks.by_id(key & ((1 << modes.SUBCLASS_SHIFT) - 1)).name
    if key & modes.EVENT:
        return f"{name}, the event"
    level = key >> modes.SUBCLASS_SHIFT
    return f"{name}/{level}" if level else name


def name_of(node: ClassNode) -> str:
    """Name of a class, with its level."""
    return name_of_key(node.key)
