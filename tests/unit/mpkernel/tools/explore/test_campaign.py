"""A campaign ends with the first failure, shrunk; and one seed, replayed, is always the same."""

import pytest

from tests.support.watched import EXPLORER, watched

ABBA = """
from types import SimpleNamespace
def setup(k): return SimpleNamespace(a=k.spinlock("a"), b=k.spinlock("b"), n=k.word())
def core0(k, s):
    for _ in range(3): s.n.add(1)
    with s.a, s.b: s.n.add(1)
def core1(k, s):
    for _ in range(3): s.n.add(1)
    with s.b, s.a: s.n.add(1)
"""
REPEAT = """
first = explore(ABBA, lockdep=False, schedules=1000)
again = [explore(ABBA, "replay", 1, lockdep=False, seed=first.finding.seed).finding
         for _ in range(100)]
assert len(set((f.transcript, f.table, f.text("x")) for f in again)) == 1
print(again[0].text("abba.py"))
print(first.finding.text("abba.py") == again[0].text("abba.py"))
print(*again[0].transcript, sep="\\n")
"""


def test_a_failing_seed_replayed_100_times_gives_100_equal_transcripts():
    code = f"{EXPLORER}\nABBA = {ABBA!r}\n{REPEAT}".replace("ABBA = ", "import os\nABBA = ", 1)
    text = watched(code)
    assert "deadlock: core0 core1" in text
    assert "\nTrue\n" in text
    others = {
        watched(code, mode=mode, hash_seed=seed) for mode, seed in (("shared", "1"), ("all", "77"))
    }
    assert others == {text}


def test_the_schedule_is_shrunk():
    code = f"{EXPLORER}\nfinding = explore({ABBA!r}, lockdep=False, schedules=1000).finding\n"
    count = watched(code + "print(len(finding.turns))")
    assert int(count) == 2


def test_dfs_says_that_it_was_exhaustive():
    code = f"""{EXPLORER}
text = "def setup(k): return k.word()\\ndef core0(k, s): s.add(1)\\ncore1 = core0"
for most in (1, 50):
    result = explore(text, "dfs", most)
    print(result.is_exhaustive, result.schedules, result.finding)
"""
    assert watched(code).splitlines() == ["False 1 None", "True 2 None"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("while True: s.add(1)", "still running after 500 steps"),
        ("s.add(1)\\n    while True: pass", "no step in 0.2 s of computing, or 0.4 s at all"),
        (
            "s.add(1)\\n    import time\\n    time.sleep(9999)",
            "no step in 0.2 s of computing, or 0.4 s at all",
        ),
    ],
)
def test_what_never_ends_is_a_livelock(body: str, text: str):
    code = f"""{EXPLORER}
from mpkernel.tools.explore import campaign as module
module.STUCK_SECONDS, module.WAITING_SECONDS = 0.2, 0.4
text = "def setup(k): return k.word()\\ndef core0(k, s):\\n    {body}"
print(explore(text, most_steps=500).finding.failure)
"""
    assert watched(code) == f"livelock: {'all' if 'still' in text else 'core0'}: {text}\n"
