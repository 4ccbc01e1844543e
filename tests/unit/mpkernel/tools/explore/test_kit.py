"""``k`` makes the kernel's own objects."""

from tests.support.watched import EXPLORER, watched

SCENARIO = """
from types import SimpleNamespace
from mpkernel.sched.mutex import Mutex
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.seqlock import Seqlock
from mpkernel.sync.spinlock import Spinlock
def setup(k):
    s = SimpleNamespace(
        spinlock=k.spinlock("a"), inner=k.spinlock("a", subclass=1), rwlock=k.rwlock("b"),
        seqlock=k.seqlock("c"), mutex=k.mutex("d"), word=k.word(5), cell=k.cell(6),
    )
    assert type(s.spinlock) is Spinlock and type(s.rwlock) is Rwlock
    assert type(s.seqlock) is Seqlock and type(s.mutex) is Mutex
    assert s.word.cas(5, 6) == 5 and s.word.add(1) == 6 and s.word.load() == 7
    return s
def core0(k, s):
    with s.spinlock, s.inner, s.rwlock.read():
        s.cell.value += s.seqlock.read(lambda: 1)
    with s.rwlock.write(), s.seqlock.write():
        assert k.core == 0
def check(k, s):
    assert s.cell.value == 7
    assert s.spinlock.name == "a"
    spans = sorted((o.phys, o.phys + o.SIZE) for o in vars(s).values())
    assert all(end <= start for (_, end), (start, _) in zip(spans, spans[1:]))
"""


def test_everything_it_makes():
    code = f"{EXPLORER}\nprint(explore({SCENARIO!r}, schedules=2).finding)"
    assert watched(code) == "None\n"
