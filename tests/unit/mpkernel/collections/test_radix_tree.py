"""Radix tree against a dict."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.collections.radix_tree import NODE_BYTES, RadixTree
from mpkernel.mm.slab import SlabCache
from tests.support.kernel_cpu import kernel_cpu

INDEXES = st.one_of(
    st.integers(0, 70), st.sampled_from([4095, 4096, 1 << 18, (1 << 24) - 1, 1 << 30, 1 << 51])
)
TREE = memory.static(RadixTree)
NODES = SlabCache("test_node", NODE_BYTES)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(INDEXES, st.booleans()), max_size=60), INDEXES)
def test_tree_agrees_with_a_dict(changes: list[tuple[int, bool]], start: int) -> None:
    with kernel_cpu(ram_bytes=16 << 20):
        model: dict[int, int] = {}
        for index, is_set in changes:
            if is_set and index not in model:
                model[index] = index * 8 + 0x1000
                TREE.set(index, model[index], NODES.alloc)
            elif not is_set:
                assert TREE.clear(index) == model.pop(index, 0)
            assert TREE.count == len(model)
        for index, _ in changes:
            assert TREE.get(index) == model.get(index, 0)
        assert list(TREE.items(start)) == sorted(i for i in model.items() if i[0] >= start)
        for index in list(model):
            TREE.clear(index)
        TREE.release(NODES.free)
        assert NODES.in_use == 0


def test_a_tree_is_sound_after_a_node_could_not_be_had() -> None:
    def fail() -> int:
        raise SysError(Errno.ENOMEM)

    with kernel_cpu(ram_bytes=16 << 20):
        TREE.set(0, 8, NODES.alloc)
        with pytest.raises(SysError):
            TREE.set(5000, 16, fail)
        assert TREE.get(0) == 8
        TREE.set(5000, 16, NODES.alloc)
        assert list(TREE.items()) == [(0, 8), (5000, 16)]
