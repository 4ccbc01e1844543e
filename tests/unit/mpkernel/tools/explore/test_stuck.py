"""Why nobody can run is said of each core."""

from tests.support.watched import EXPLORER, watched

SCENARIO = """
from types import SimpleNamespace
def setup(k):
    return SimpleNamespace(flag=k.word(), never=k.word(), q=k.wait_queue(), m=k.mutex("m"))
async def core0(k, s):
    await s.q.wait_until(s.flag.load)
async def core1(k, s):
    await s.q.wait_until(s.never.load)
async def core2(k, s):
    await s.q.sleep()
def core3(k, s):
    s.flag.store(1)
SPIN
"""
SPINNER = "def core4(k, s):\\n    while not s.never.load(): k.relax()"


def test_each_kind_of_wait():
    code = f"""{EXPLORER}
for spin in ("", "{SPINNER}"):
    failure = explore({SCENARIO!r}.replace("SPIN", spin), schedule="0*90 1*90 2*90 3*90",
                      strategy="replay").finding.failure
    print(failure.kind, "|", failure.who, "|", failure.text)
"""
    lost, dead = watched(code).splitlines()
    kind, who, text = lost.split(" | ")
    assert (kind, who) == ("lost wakeup", "core0 core1 core2")
    first, second, third = text.split("; ")
    assert first.startswith("core0 sleeps though its condition holds at line 6")
    assert second.startswith("core1 sleeps at line 8")
    assert third.startswith("core2 sleeps and nobody is left to wake it at line 10")
    assert dead.startswith("deadlock | core0 core1 core2 core4")
    assert "core4 spins at line 14" in dead
