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


CODE = f"""{EXPLORER}
for text in {list(MODELS.values())!r}:
    result = explore(text, "dfs", 3_000)
    races = explore(text, "random", 100, racecheck=True)
    print(result.finding and result.finding.failure, result.is_exhaustive, result.schedules,
          races.finding and races.finding.failure)
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
