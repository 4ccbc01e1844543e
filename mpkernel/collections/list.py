"""Doubly linked list through the objects themselves: a node is a field of what is listed.

    @layout()
    class Task(Layout):
        run_node: ListNode

    head.append(task.run_node)
    for addr in head.objects(Task, "run_node"): ...

A node that is in no list points to itself or is all zero. Addresses are physical, 0 is none.

State: RAM. Locks: the list's owner names one. Context: any.
"""

from collections.abc import Iterator
from typing import TypeVar

from hw.spec.layout import Layout, layout, u64

T = TypeVar("T", bound=Layout)


@layout(size=16)
class ListNode(Layout):
    """A node, or the head of a list."""

    next: u64  #: physical address of the next node
    prev: u64

    def init(self) -> None:
        """Make this an empty list, or a node in no list."""
        self.next = self.prev = self.phys

    def is_empty(self) -> bool:
        """Head: nothing is listed. Node: it is in no list."""
        return self.next in (0, self.phys)

    def append(self, node: "ListNode") -> None:
        """Head: list ``node`` last."""
        here, last, new = self.phys, self.prev, node.phys
        node.next, node.prev = here, last
        ListNode.at(last).next = new
        self.prev = new

    def prepend(self, node: "ListNode") -> None:
        """Head: list ``node`` first."""
        ListNode.at(self.next).append(node)

    def remove(self) -> None:
        """Node: leave the list."""
        ListNode.at(self.prev).next = self.next
        ListNode.at(self.next).prev = self.prev
        self.init()

    def nodes(self) -> Iterator[int]:
        """Head: addresses of the nodes; the one at hand may be removed meanwhile."""
        here = self.phys
        addr = self.next
        while addr not in (here, 0):
            following = ListNode.at(addr).next
            yield addr
            addr = following

    def objects(self, kind: type[T], field: str) -> Iterator[T]:
        """Head: the objects whose ``field`` is listed."""
        offset = kind.offset_of(field)
        for addr in self.nodes():
            yield kind.at(addr - offset)

    def first(self, kind: type[T], field: str) -> T | None:
        """Head: the first object, None if there is none."""
        if self.is_empty():
            return None
        return kind.at(self.next - kind.offset_of(field))
