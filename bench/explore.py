"""The explorer on one host core, lock validator on: switch points and whole schedules a second.

The scenario is two cores that take a lock twice each, about 20 points in all.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.harness import Figure, medians, run

SCHEDULES: Final = 4_000
SCENARIO: Final = """
from types import SimpleNamespace
def setup(k): return SimpleNamespace(lock=k.spinlock("lock"), n=k.cell())
def core0(k, s):
    for _ in range(2):
        with s.lock:
            s.n.value += 1
core1 = core0
def check(k, s): assert s.n.value == 4
"""
_CODE: Final = """
import sys, time
from pathlib import Path
from mpkernel.tools.explore.campaign import campaign, strategy_of
from mpkernel.tools.explore.rig import rig
from mpkernel.tools.explore.scenario import load
with rig(load(Path(sys.argv[1]))) as machine:
    strategy = strategy_of(sys.argv[2], 0, None, 40)
    campaign(machine, strategy, 200)
    began = time.process_time()
    result = campaign(machine, strategy, int(sys.argv[3]))
    took = time.process_time() - began
assert result.finding is None
print("points", result.steps / took, "schedules", result.schedules / took, "each",
      result.steps / result.schedules)
"""


def _figures(strategy: str) -> tuple[float, float, float]:
    """Points a second, schedules a second, points a schedule."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.py"
        path.write_text(SCENARIO)
        command = ["env", "MPK_WATCH=shared", "PYTHONHASHSEED=0", sys.executable, "-c", _CODE]
        text = run(*command, str(path), strategy, str(SCHEDULES))
    points, schedules, each = (float(word) for word in re.findall(r"[\d.]+", text))
    return points, schedules, each


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    each = _figures("random")[2]
    found = medians(
        {
            "points": lambda: _figures("random")[0],
            "random": lambda: _figures("random")[1],
            "pct": lambda: _figures("pct")[1],
        },
        repeats,
    )
    note = f"{each:.0f} points each"
    return [
        Figure("explore", "switch points", found["points"], "/s", 100_000, is_least=True),
        Figure(
            "explore", "random", found["random"], "schedules/s", 2_000, is_least=True, note=note
        ),
        Figure("explore", "pct", found["pct"], "schedules/s", note=note),
    ]
