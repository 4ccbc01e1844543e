"""The intrusive list against a Python list."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hw.spec.layout import Layout, layout, u64
from mpkernel.collections.list import ListNode
from tests.support.kernel import kernel


@layout()
class Item(Layout):
    number: u64
    node: ListNode


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["append", "prepend", "remove"]), st.integers(0, 15))))
def test_same_as_a_list(steps):
    with kernel() as k:
        head = ListNode.at(k.scratch(16))
        head.init()
        items = []
        for number in range(16):
            item = Item.at(k.scratch(Item.SIZE))
            item.number = number
            item.node.init()
            items.append(item)
        model: list[int] = []
        for step, number in steps:
            if step == "remove" and number in model:
                items[number].node.remove()
                model.remove(number)
            elif step != "remove" and number not in model:
                if step == "append":
                    head.append(items[number].node)
                    model.append(number)
                else:
                    head.prepend(items[number].node)
                    model.insert(0, number)
            assert [item.number for item in head.objects(Item, "node")] == model
            first = head.first(Item, "node")
            assert (first.number if first else None) == (model[0] if model else None)
            assert head.is_empty() == (not model)
            assert items[number].node.is_empty() == (number not in model)


def test_the_node_at_hand_may_be_removed():
    with kernel() as k:
        head = ListNode.at(k.scratch(16))
        head.init()
        for _ in range(5):
            head.append(ListNode.at(k.scratch(16)))
        for addr in head.nodes():
            ListNode.at(addr).remove()
        assert head.is_empty()
