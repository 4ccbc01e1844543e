"""``mpkernel profile`` and ``boot --profile``: real machines, real samples."""

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.support.command import mpkernel


def parts_of(file: Path) -> dict[str, set[str]]:
    """Parts of the machine that a speedscope file has, by core."""
    content = json.loads(file.read_text())
    names = [frame["name"].rpartition(": ")[0] for frame in content["shared"]["frames"]]
    return {
        profile["name"]: {names[frame] for stack in profile["samples"] for frame in stack}
        for profile in content["profiles"]
    }


def test_the_time_of_busy_cores_goes_to_user_code(tmp_path: Path):
    done = mpkernel(
        "profile", "--cpus", "2", "--duration", "3", "-o", tmp_path / "out", "--", "spin", "2", "60"
    )
    assert done.returncode == 0, done.stderr
    parts = parts_of(tmp_path / "out.speedscope.json")
    assert {"user code", "sched", "entry and exit"} <= parts["core 0"]
    assert "user code" in parts["core 1"]
    ElementTree.fromstring((tmp_path / "out.svg").read_text())
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith("mpkernel: core 0 ")
    assert "user code" in lines[0]


def test_a_shell_may_be_profiled(tmp_path: Path):
    script = "spin 1 2 > /dev/null; primes 3000 | wc; exit 4"
    done = mpkernel("boot", "--profile", tmp_path / "boot.svg", "--cmdline", script)
    assert done.returncode == 4, done.stderr
    assert (tmp_path / "boot.svg").exists()
    assert len(parts_of(tmp_path / "boot.speedscope.json")) >= 4
