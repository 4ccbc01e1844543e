"""The kernel's locks over all interleavings: nobody waits for ever, and no data races."""

import pytest

from tests.support.watched import EXPLORER, watched

MODELS = {
    "wait queue": """
def setup(k): return k.wait_queue(), k.word()
async def core0(k, s): await s[0].wait_until(s[1].load)
def core1(k, s):
    s[1].store(1)
    s[0].wake_all()
""",
    "completion": """
def setup(k): return k.completion()
async def core0(k, s): await s.wait()
def core1(k, s): s.complete()
""",
    "mutex": """
def setup(k): return k.mutex("m"), k.cell()
async def core0(k, s):
    async with s[0]:
        s[1].value += 1
core1 = core0
def check(k, s): assert s[1].value == 2
""",
    "semaphore": """
def setup(k): return k.semaphore(0)
async def core0(k, s): await s.acquire()
def core1(k, s): s.release()
""",
    "rwsem": """
def setup(k): return k.rwsem("r"), k.cell()
async def core0(k, s):
    async with s[0].write():
        s[1].value += 1
async def core1(k, s):
    async with s[0].read():
        assert s[1].value in (0, 1)
def check(k, s): assert s[1].value == 1
""",
    "rt mutex": """
def setup(k): return k.rt_mutex("m"), k.cell()
async def core0(k, s):
    async with s[0]:
        s[1].value += 1
core1 = core0
def check(k, s): assert s[1].value == 2
""",
    "once": """
def setup(k): return k.once(), k.cell()
def core0(k, s):
    def make():
        s[1].value += 1
        return 7
    assert s[0].get_or_make(make) == 7
core1 = core0
def check(k, s): assert s[1].value == 1
""",
    "rwlock": """
def setup(k): return k.rwlock("r"), k.cell()
def core0(k, s):
    with s[0].write():
        s[1].value += 1
def core1(k, s):
    with s[0].read():
        assert s[1].value in (0, 1)
""",
    "seqlock": """
def setup(k): return k.seqlock("c"), k.word(), k.word()
def core0(k, s):
    with s[0].write():
        s[1].store(1)
        s[2].store(1)
def core1(k, s):
    one, other = s[0].read(lambda: (s[1].load(), s[2].load()))
    assert one == other
""",
    "spinlock": """
def setup(k): return k.spinlock("a"), k.cell()
def core0(k, s):
    for _ in range(3):
        with s[0]:
            s[1].value += 1
core1 = core0
def check(k, s): assert s[1].value == 6
""",
}


#: With more interleavings than can be gone through.
LARGE_MODELS = {
    "ww mutex": """
from mpkernel.abi.errno import SysError
def setup(k):
    kind = k.ww_class("w")
    return kind, [k.ww_mutex(kind), k.ww_mutex(kind)], [k.ww_context(), k.ww_context()], k.cell()
async def take_both(s, context, order):
    context.init(s[0])
    held = []
    while len(held) < 2:
        try:
            for place in order:
                if place not in held:
                    await s[1][place].acquire(context)
                    held.append(place)
        except SysError:
            for place in held:
                s[1][place].release()
            held = [next(place for place in order if s[1][place].phys == context.blocked)]
            await s[1][held[0]].acquire_slow(context)
    context.done()
    s[3].value += 1
    for place in held:
        s[1][place].release()
    context.fini()
async def core0(k, s): await take_both(s, s[2][0], (0, 1))
async def core1(k, s): await take_both(s, s[2][1], (1, 0))
def check(k, s): assert s[3].value == 2
""",
    "rcu": """
def setup(k):
    s = k.rcu(), k.word(), k.cell(1), k.cell(2), k.word()
    s[1].store(s[2].phys)
    return s
def core0(k, s):
    with s[0].read():
        place = s[0].follow(s[1])
        assert (s[2] if place == s[2].phys else s[3]).value in (1, 2)
def core1(k, s):
    def free():
        s[2].value = 0xDEAD
        s[4].store(1)
    s[0].publish(s[1], s[3].phys)
    s[0].call(free)
def check(k, s): assert s[4].value == 1
""",
    "grace period": """
def setup(k):
    s = k.rcu(), k.word(), k.cell(1), k.cell(2)
    s[1].store(s[2].phys)
    return s
def core0(k, s):
    with s[0].read():
        place = s[0].follow(s[1])
        assert (s[2] if place == s[2].phys else s[3]).value in (1, 2)
async def core1(k, s):
    s[0].publish(s[1], s[3].phys)
    await s[0].wait()
    s[2].value = 0xDEAD
def check(k, s): assert s[2].value == 0xDEAD
""",
}


CODE = f"""{EXPLORER}
for text in {list(MODELS.values())!r}:
    result = explore(text, "dfs", 3_000)
    races = explore(text, "random", 100, racecheck=True)
    print(result.finding and result.finding.failure, result.is_exhaustive, result.schedules,
          races.finding and races.finding.failure)
"""
LARGE_CODE = f"""{EXPLORER}
for text in {list(LARGE_MODELS.values())!r}:
    for strategy in "random", "pct":
        for races in False, True:
            found = explore(text, strategy, int(sys.argv[1]), racecheck=races).finding
            if found:
                print(found.text("model"))
"""


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return dict(zip(MODELS, watched(CODE).splitlines(), strict=True))


@pytest.mark.feature("FIX-5", "OPEN-5")
@pytest.mark.parametrize("name", MODELS)
def test_all_interleavings(name: str, results: dict[str, str]):
    finding, is_exhaustive, schedules, race = results[name].split()
    assert finding == race == "None"
    assert is_exhaustive == "True"
    assert int(schedules) > 1


@pytest.mark.parametrize("schedules", [100, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
def test_many_interleavings(schedules: int):
    assert watched(LARGE_CODE, str(schedules), seconds=800) == ""
