"""The picture has every class and edge, and layers go from first taken to last."""

from xml.etree import ElementTree

from mpkernel.arch.cpu import cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep.modes import SPIN
from mpkernel.tools.lockdep import picture
from mpkernel.tools.lockdep.picture import Picture
from tests.support.kernel import kernel


def test_layers_follow_the_edges():
    edges = dict.fromkeys([("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")], "")
    rows = Picture(dict.fromkeys("abcd", ""), edges).layers()
    assert [sorted(row) for row in rows] == [["a", "d"], ["b"], ["c"]]


def test_a_circle_is_drawn_all_the_same():
    edges = dict.fromkeys([("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")], "")
    found = Picture(dict.fromkeys("abcd", ""), edges)
    assert found.circles() == {("b", "c"), ("c", "b")}
    assert found.svg().count("#c00") == 2


def test_it_shows_what_was_taken():
    with kernel():
        watch = cpu().lockdep
        assert watch is not None
        for lock_class in (ranks.SLAB, ranks.FRAMES):
            watch.acquire(lock_class.id, lock_class.id, SPIN)
        found = picture.take()
        assert {("slab", "frames")} <= set(found.edges)
        assert "spinlock" in found.notes["slab"]
        root = ElementTree.fromstring(found.svg())
        texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {"slab", "frames"} <= texts
        assert '"slab" -> "frames"' in found.graphviz()
