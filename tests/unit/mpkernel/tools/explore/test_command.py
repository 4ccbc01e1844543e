"""The command's process: what it prints, and its status."""

from tests.support.watched import watched

CODE = """
import sys
from pathlib import Path
from mpkernel.tools.explore.command import run
from mpkernel.tools.explore.request import Request
print(run(Request(Path(sys.argv[1]), None, sys.argv[2], 3, 20)))
"""


def test_what_is_printed_when_nothing_is_found(tmp_path):
    path = tmp_path / "fine.py"
    path.write_text("def core0(k, s): pass\n")
    assert watched(CODE, path, "random") == (
        "nothing found in 20 schedules (random, seeds 3 to 22)\n0\n"
    )
    assert watched(CODE, path, "dfs") == "nothing found; exhaustive: 1 schedules\n0\n"


def test_a_finding_and_a_bad_file(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("def core0(k, s): assert False, 'on purpose'\n")
    printed = watched(CODE, path, "pct")
    assert printed.startswith("assertion: core0: bad.py:1: on purpose\n")
    assert printed.endswith("\n1\n")
    assert watched(CODE, tmp_path / "none.py", "random") == "2\n"


ENDLESS = """
import sys
from pathlib import Path
from mpkernel.tools.explore import campaign
from mpkernel.tools.explore.command import run
from mpkernel.tools.explore.request import Request
campaign.STUCK_SECONDS = 0.2
sys.stderr = sys.stdout
print(run(Request(Path(sys.argv[1]), schedules=1)))
"""
CORE = "def core0(k, s): pass\n"


def test_what_never_ends_while_it_is_loaded_or_set_up_is_a_bad_scenario(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text("while True: pass\n")
    assert watched(ENDLESS, path) == f"mpkernel: {path}: it never ends while it is loaded\n2\n"
    path.write_text(f"{CORE}def setup(k):\n    while True: pass\n")
    assert watched(ENDLESS, path) == f"mpkernel: {path}: setup fails: NoStep: it never ends\n2\n"


def test_a_check_that_never_ends_is_a_livelock(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text(f"{CORE}def check(k, s):\n    while True: pass\n")
    said = watched(ENDLESS, path)
    assert said.startswith("livelock: check: no step in 0.2 s of computing")
    assert said.endswith("\n1\n")
