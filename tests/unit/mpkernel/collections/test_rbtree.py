"""Red-black tree against a sorted list, with its colours checked after each step."""

import bisect

from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.arch import memory
from mpkernel.collections.rbtree import RbNode, RbTree
from tests.support.kernel_cpu import kernel_cpu

TREE = memory.static(RbTree)
BASE = 0x80_0000


def black_height(addr: int, low: int, high: int) -> int:
    """Check order, parents and colours below a node; black nodes on each path."""
    if not addr:
        return 1
    node = RbNode.at(addr)
    assert low < node.key < high
    for child in (node.left, node.right):
        if child:
            assert RbNode.at(child).parent == addr
            assert not (node.is_red and RbNode.at(child).is_red)
    left = black_height(node.left, low, node.key)
    assert left == black_height(node.right, node.key, high)
    return left + (not node.is_red)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=120), st.integers(0, 41))
def test_tree_agrees_with_a_sorted_list(toggles: list[int], wanted: int) -> None:
    with kernel_cpu(ram_bytes=16 << 20):
        keys: list[int] = []
        for key in toggles:
            node = RbNode.at(BASE + key * 64)
            if key in keys:
                keys.remove(key)
                TREE.remove(node)
            else:
                bisect.insort(keys, key)
                node.key = key
                TREE.insert(node)
            black_height(TREE.root, 0, 1 << 62)
            assert TREE.count == len(keys)
        at = bisect.bisect_right(keys, wanted)
        assert TREE.floor(wanted) == (BASE + keys[at - 1] * 64 if at else 0)
