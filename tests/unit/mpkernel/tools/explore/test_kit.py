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


NAMED = """
from types import SimpleNamespace
from mpkernel.sync import ranks
def setup(k):
    s = SimpleNamespace(
        two=k.semaphore(2), many=k.semaphore("many", 3), one=k.semaphore("one"),
        done=k.completion("done"), other=k.completion(), queue=k.wait_queue("queue"),
    )
    assert [x.permits for x in (s.two, s.many, s.one)] == [2, 3, 1]
    return s
async def core0(k, s):
    k.ipi(1)  # nobody handles it: core 1 goes on
    for one in (s.two, s.many, s.one):
        await one.acquire()
    s.done.complete()
async def core1(k, s):
    await s.done.wait()
def check(k, s):
    names = [x.lock.name for x in (s.queue, s.done.queue, s.other.queue, s.many.queue)]
    assert names == ["queue", "done", "wait_queue", "many"], names
"""


def test_what_is_waited_for_may_have_a_name_and_its_own_class():
    found = watched(f"""{EXPLORER}
result = explore({NAMED!r}, "dfs", 2000)
print(result.finding and result.finding.failure, result.is_exhaustive)
""")
    assert found.split() == ["None", "True"]


def test_an_interrupt_to_no_core_is_named():
    found = watched(f"""{EXPLORER}
result = explore("def setup(k): return 0\\ndef core0(k, s): k.ipi(3)")
print(result.finding.failure)
""")
    assert "there is no core 3" in found
