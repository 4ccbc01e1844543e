"""Radix tree: words by index, for the pages of a file. Small files need one node of 64 slots.

    tree.height 0: root is the word of index 0 itself
    tree.height h: root is a node; 64 ** h indexes

Nodes are objects of 512 zeroed bytes; who allocates and frees them is told.

State: RAM. Locks: the owner names one. Context: any.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.spec.layout import Layout, layout, u32, u64
from mpkernel.arch import memory

NODE_BYTES: Final = 512
_BITS: Final = 6
_SLOTS: Final = 64


@layout(size=16)
class RadixTree(Layout):
    """The tree. All zero is an empty one."""

    root: u64  #: node, or the word of index 0; 0 for none
    height: u32  #: levels of nodes
    count: u32  #: words that are not 0

    def get(self, index: int) -> int:
        """The word of ``index``, 0 if there is none."""
        height = self.height
        if index >> (_BITS * height):
            return 0
        node: int = self.root
        for shift in range(_BITS * (height - 1), -1, -_BITS):
            if not node:
                return 0
            node = memory.words(node, _SLOTS)[(index >> shift) & (_SLOTS - 1)]
        return node

    def set(self, index: int, word: int, allocate: Callable[[], int]) -> None:
        """Store a word, not 0, where there was none. What ``allocate`` raises goes through."""
        assert word
        while index >> (_BITS * self.height):
            self._grow(allocate)
        if not self.height:
            assert not self.root
            self.root = word
            self.count += 1
            return
        if not self.root:
            self.root = allocate()
        node: int = self.root
        for shift in range(_BITS * (self.height - 1), 0, -_BITS):
            slots = memory.words(node, _SLOTS)
            slot = (index >> shift) & (_SLOTS - 1)
            if not slots[slot]:
                slots[slot] = allocate()
            node = slots[slot]
        slots = memory.words(node, _SLOTS)
        assert not slots[index & (_SLOTS - 1)]
        slots[index & (_SLOTS - 1)] = word
        self.count += 1

    def clear(self, index: int) -> int:
        """Take a word out and return it; 0 if there was none. Its nodes stay until ``release``."""
        word = self.get(index)
        if not word:
            return 0
        self.count -= 1
        if not self.height:
            self.root = 0
            return word
        node: int = self.root
        for shift in range(_BITS * (self.height - 1), 0, -_BITS):
            node = memory.words(node, _SLOTS)[(index >> shift) & (_SLOTS - 1)]
        memory.words(node, _SLOTS)[index & (_SLOTS - 1)] = 0
        return word

    def items(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """(index, word) from ``start`` on, ascending; words may be cleared meanwhile."""
        if not self.root:
            return
        if not self.height:
            if start == 0:
                yield 0, self.root
            return
        yield from _items(self.root, _BITS * (self.height - 1), 0, start)

    def release(self, free: Callable[[int], None]) -> None:
        """Give all nodes back; the tree must have no words."""
        assert not self.count
        if self.height and self.root:
            _release(self.root, self.height, free)
        self.root = self.height = 0

    def _grow(self, allocate: Callable[[], int]) -> None:
        """One level more on top."""
        if self.root:
            node = allocate()
            memory.words(node, _SLOTS)[0] = self.root
            self.root = node
        self.height += 1


def _items(node: int, shift: int, base: int, start: int) -> Iterator[tuple[int, int]]:
    for slot, word in enumerate(memory.words(node, _SLOTS).tolist()):
        first = base + (slot << shift)
        if not word or first + (1 << shift) <= start:
            continue
        if shift:
            yield from _items(word, shift - _BITS, first, start)
        else:
            yield first, word


def _release(node: int, height: int, free: Callable[[int], None]) -> None:
    if height > 1:
        for word in memory.words(node, _SLOTS).tolist():
            if word:
                _release(word, height - 1, free)
    free(node)
