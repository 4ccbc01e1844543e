"""The graph: classes by key, edges with the ways in which they were seen."""

from mpkernel.sync import ranks
from mpkernel.sync.lockdep import graph, modes, stacks
from mpkernel.sync.lockdep.graph import ClassNode
from tests.support.kernel import kernel


def node(lock_class: ranks.LockClass, level: int = 0) -> ClassNode:
    found = graph.class_of(lock_class.id + modes.nested(level), modes.SPIN)
    assert found is not None
    return found


def test_a_class_is_its_key():
    with kernel():
        one = node(ranks.SLAB)
        assert one.phys == node(ranks.SLAB).phys != node(ranks.SLAB, 1).phys
        assert graph.name_of(one) == "slab"
        assert graph.name_of(node(ranks.SLAB, 2)) == "slab/2"
        assert [graph.name_of(each) for each in graph.classes()] == ["slab", "slab/1", "slab/2"]
        assert graph.kind_of(one).name == "spinlock"


def test_an_edge_is_new_once_a_way_and_is_found_from_both_ends():
    with kernel():
        one, two, three = node(ranks.SLAB), node(ranks.FRAMES), node(ranks.LOG)
        first = graph.add_edge(one, two, graph.WAY_EN, 3)
        assert first is not None
        assert (first.cpu, graph.add_edge(one, two, graph.WAY_EN, 4)) == (3, None)
        again = graph.add_edge(one, two, graph.WAY_SR, 4)
        assert again is not None
        assert again.phys == first.phys
        assert first.ways.value == graph.WAY_EN | graph.WAY_SR
        graph.add_edge(one, three, graph.WAY_EN, 0)
        assert {edge.target for edge in graph.edges_after(one)} == {two.phys, three.phys}
        assert [edge.source for edge in graph.edges_before(two)] == [one.phys]
        assert stacks.lines(graph.stack_of(first))


def test_ways():
    spin, read, recursive = modes.SPIN, modes.RWLOCK | modes.SHARED, modes.RWLOCK | modes.RECURSIVE
    assert graph.way_of(spin, spin) == graph.WAY_EN
    assert graph.way_of(spin, read) == graph.WAY_EN
    assert graph.way_of(spin, recursive) == graph.WAY_ER
    assert graph.way_of(read, spin) == graph.WAY_SN
    assert graph.way_of(recursive, recursive) == graph.WAY_SR
