"""Runs code in a process of its own, under MPK_WATCH: layouts there tell of each access.

State: none.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.source_tree import ROOT

SECONDS = 100


def watched(
    code: str,
    *arguments: str | Path,
    mode: str = "all",
    hash_seed: str = "0",
    seconds: float = SECONDS,
) -> str:
    """What the code prints; it is run with the project's root as its folder."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False,
        env={**os.environ, "MPK_WATCH": mode, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


#: Head of code that explores: ``explore(text, strategy, schedules, **options)`` gives a Result.
EXPLORER = """
import sys, tempfile
from pathlib import Path
from mpkernel.tools.explore.campaign import campaign, strategy_of, watchdog
from mpkernel.tools.explore.rig import rig
from mpkernel.tools.explore.scenario import load

def explore(text, strategy="random", schedules=200, seed=0, schedule=None, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.py"
        path.write_text(text)
        with rig(load(path), **options) as made, watchdog(made):
            return campaign(made, strategy_of(strategy, seed, schedule, 40), schedules)
"""
