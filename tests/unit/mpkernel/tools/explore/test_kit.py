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


EXCLUSIVE = """
from mpkernel.sync.local_lock import LocalLock
from mpkernel.sync.raw_spinlock import RawSpinlock
def setup(k):
    made = k.raw_spinlock("r"), k.local_lock("l"), k.once(), k.refcount(2)
    assert [type(one) for one in made[:2]] == [RawSpinlock, LocalLock]
    return made
def core0(k, s):
    with s[1], s[0]:
        assert s[2].get_or_make(lambda: 5) == 5
    assert not s[3].put()
def check(k, s):
    assert s[2].get() == 5 and s[3].value == 1
"""


def test_a_scenario_has_every_type_of_lock():
    code = f"{EXPLORER}\nprint(explore({EXCLUSIVE!r}, schedules=2).finding)"
    assert watched(code) == "None\n"


def test_everything_it_makes():
    code = f"{EXPLORER}\nprint(explore({SCENARIO!r}, schedules=2).finding)"
    assert watched(code) == "None\n"
