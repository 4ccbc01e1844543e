"""``mpkernel stress``: real machines under stress, and what must be found out about them."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.command import command, mpkernel, processes_of, start
from tests.support.source_tree import ROOT


@pytest.mark.feature("E11")
def test_all_workloads_at_once_with_delays_and_spurious_interrupts(tmp_path: Path):
    file = tmp_path / "result.json"
    done = mpkernel(
        "stress", "--cpus", "4", "--duration", "2", "--inject", "delays,spurious,ipi-storm",
        "--json", file,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (trial,) = json.loads(file.read_text())["trials"]
    counts = trial["result"]["counts"]
    for name in ("spinlock", "rwlock", "seqlock", "mutex", "rw-semaphore", "calls", "sectors"):
        assert counts[name] > 0, name
    for name in ("threads", "forktest", "pingpong", "sh", "spin"):
        assert counts[f"rounds of {name}"] > 0, name
    assert counts["looks"] > 20
    assert counts["disturbances"] > 20


def test_a_terminal_shows_a_progress_bar():
    parent, child = pty.openpty()
    done = subprocess.Popen(
        command("stress", "--cpus", "2", "--duration", "1", "--workload", "irq", "--seed", "12"),
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=child, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(child)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while data := os.read(parent, 4096):
            shown += data
    os.close(parent)
    assert done.wait() == 0
    assert b"seed 12" in shown
    assert "━━━".encode() in shown


def test_a_core_that_is_killed_is_named():
    done = mpkernel("stress", "--duration", "2", "--workload", "pipe", "--inject", "kill-core")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_core_that_ends_by_itself_is_a_failure():
    stress = start("stress", "--duration", "30", "--workload", "fork")
    while not (trials := processes_of(stress.pid)):
        time.sleep(0.01)
    while len(cores := processes_of(trials[0])) < 5:
        time.sleep(0.01)
    names = {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in cores}
    os.kill(names["core 2"], signal.SIGKILL)
    shown, _ = stress.communicate(timeout=60)
    assert stress.returncode == 1
    assert b"FAILED" in shown
    assert b"status 71, not 0" in shown
    assert b"core 2 was lost" in shown


def test_a_campaign_on_a_local_cluster(tmp_path: Path):
    file = tmp_path / "results.xml"
    done = mpkernel(
        "stress", "--cpus", "2", "--duration", "1", "--workload", "locks", "--seed", "4",
        "--seeds", "3", "--jobs", "2", "--junit", file,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    suite = ElementTree.fromstring(file.read_text())
    assert [case.get("name", "").split(":")[0] for case in suite] == ["seed 4", "seed 5", "seed 6"]
    assert suite.get("failures") == suite.get("skipped") == "0"


def test_a_cluster_that_is_not_there_is_one_line():
    done = mpkernel("stress", "--cluster", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith(b"mpkernel: the cluster tcp://127.0.0.1:1 does not answer")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.long
@pytest.mark.feature("E11")
@pytest.mark.timeout(900)
def test_ten_minutes_without_a_violation():
    done = mpkernel("stress", "--cpus", "8", "--duration", "600", seconds=880)
    assert done.returncode == 0, done.stdout + done.stderr
