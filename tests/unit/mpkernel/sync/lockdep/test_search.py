"""Strong paths: the search finds what trying all walks finds, in random graphs."""

import itertools
import random

import pytest

from mpkernel.sync import ranks
from mpkernel.sync.lockdep import graph, modes, search
from mpkernel.sync.lockdep.graph import WAY_EN, WAY_ER, WAY_SN, WAY_SR, ClassNode
from tests.support.kernel import kernel

WAYS = (WAY_SR, WAY_ER, WAY_SN, WAY_EN)
Edges = dict[tuple[int, int], int]


def make(count: int, edges: Edges) -> list[ClassNode]:
    nodes = []
    for lock_class in ranks.CLASSES[:count]:
        node = graph.class_of(lock_class.id, modes.SPIN)
        assert node is not None
        nodes.append(node)
    for (source, target), ways in edges.items():
        for way in WAYS:
            if ways & way:
                graph.add_edge(nodes[source], nodes[target], way, 0)
    return nodes


def walks(count: int, edges: Edges, start: int, *, is_weak: bool) -> set[tuple[int, bool]]:
    """(end, whether the last step was recursive) of all strong walks, one way a step."""
    steps = [(a, b, way) for (a, b), ways in edges.items() for way in WAYS if ways & way]
    found = {(start, is_weak)}
    while True:
        more = {
            (b, not way & graph.WAYS_N)
            for (at, was_r), (a, b, way) in itertools.product(found, steps)
            if at == a and not (was_r and not way & graph.WAYS_E)
        }
        if more <= found:
            return found
        found |= more


@pytest.mark.parametrize("seed", range(30))
def test_search_agrees_with_all_walks(seed: int):
    chance = random.Random(seed)
    count = chance.randrange(2, 7)
    edges = {
        pair: chance.randrange(1, 16)
        for pair in itertools.permutations(range(count), 2)
        if chance.random() < 0.35
    }
    with kernel():
        nodes = make(count, edges)
        places = {node.phys: number for number, node in enumerate(nodes)}
        for start, is_weak in itertools.product(range(count), (False, True)):
            all_ends = walks(count, edges, start, is_weak=is_weak)
            reached = list(search.forwards(nodes[start], is_weak=is_weak))
            assert {places[one.node.phys] for one in reached} == {end for end, _ in all_ends}
            normal = {places[one.node.phys] for one in reached if not one.is_weak}
            assert normal == {end for end, was_r in all_ends if not was_r}


def test_backwards_is_forwards_reversed():
    with kernel():
        a, b, c = make(3, {(0, 1): WAY_ER, (1, 2): WAY_SN})
        assert [one.node.phys for one in search.forwards(a, is_weak=False)] == [a.phys, b.phys]
        assert [one.node.phys for one in search.backwards(c, is_weak=False)] == [c.phys, b.phys]
        graph.add_edge(a, b, WAY_EN, 0)
        ends = list(search.backwards(c, is_weak=False))
        assert [one.node.phys for one in ends] == [c.phys, b.phys, a.phys]
        assert [edge.source for edge in ends[-1].edges()] == [b.phys, a.phys]


def test_a_skipped_class_is_no_way_through():
    with kernel():
        a, b, c = make(3, {(0, 1): WAY_EN, (1, 2): WAY_EN})
        met = search.forwards(a, is_weak=False, skip=lambda node: node.phys == b.phys)
        assert [one.node.phys for one in met] == [a.phys]
        assert [one.node.phys for one in search.forwards(a, is_weak=False)][-1] == c.phys
