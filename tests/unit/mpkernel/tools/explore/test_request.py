"""A request says what its replay needs."""

from pathlib import Path

from mpkernel.tools.explore.request import Request


def test_options_of_a_replay():
    assert Request(Path("x.py"), strategy="pct", seed=3).replay_options == ""
    full = Request(Path("x.py"), 4, variant="repaired", no_lockdep=True, racecheck=True)
    assert full.replay_options == " --cores 4 --variant repaired --no-lockdep --racecheck"
