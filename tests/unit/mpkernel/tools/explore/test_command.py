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
