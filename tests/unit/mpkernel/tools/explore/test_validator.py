"""The kernel's validator learns from all schedules, and forgets when it is told to."""

from tests.support.watched import EXPLORER, watched

#: The two orders never meet in one schedule.
SCENARIO = """
from types import SimpleNamespace
def setup(k): return SimpleNamespace(a=k.spinlock("a"), b=k.spinlock("b"), first=k.word())
def core0(k, s):
    if s.first.cas(0, 1) == 0:
        with s.a, s.b: pass
def core1(k, s):
    if s.first.cas(0, 1) == 0:
        with s.b, s.a: pass
"""


def test_orders_of_different_schedules_meet():
    code = f"""{EXPLORER}
for lockdep in (True, False):
    result = explore({SCENARIO!r}, lockdep=lockdep)
    print(result.finding and result.finding.failure.text, result.schedules)
print(explore({SCENARIO!r}, strategy="replay", schedule="0", schedules=1).finding)
"""
    with_it, without, afterwards = watched(code).splitlines()
    assert with_it.startswith("circular dependency: ")
    assert without == "None 200"
    assert afterwards == "None"
