"""Two cores unlink the same list node: the second follows links that are gone."""

from types import SimpleNamespace

from mpkernel.collections.list import ListNode

KIND, TOOL, WITHIN = "data race", "racecheck", 2


def setup(k):
    head, node = k.place(ListNode), k.place(ListNode)
    head.init()
    head.append(node)
    return SimpleNamespace(lock=k.spinlock("list"), head=head, node=node)


def core0(k, s):
    if not s.node.is_empty():
        with s.lock:
            s.node.remove()


def core0_repaired(k, s):
    with s.lock:
        if not s.node.is_empty():
            s.node.remove()


core1, core1_repaired = core0, core0_repaired
