"""``mpkernel stress --cluster``: a real scheduler and workers, processes of their own, over TCP."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpkernel.tools.stress import campaign as campaigns
from mpkernel.tools.stress.campaign import ClusterError
from mpkernel.tools.stress.plan import Plan
from tests.support.command import mpkernel, start
from tests.support.source_tree import ROOT

SECONDS = 60


class Cluster:
    """A scheduler and workers of this host, joined by address only."""

    def __init__(self, folder: Path, workers: int, *, knows_mpkernel: bool = True) -> None:
        self._folder = folder
        hidden = folder / "hidden"
        hidden.mkdir()
        (hidden / "mpkernel.py").touch()  # comes before a package that is installed
        place = ROOT if knows_mpkernel else hidden
        self._environment = {**os.environ, "PYTHONPATH": str(place)}
        file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--scheduler-file", file)
        end = time.monotonic() + SECONDS
        while not file.exists() or not file.read_text():
            assert self.scheduler.poll() is None, self.said()
            assert time.monotonic() < end
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]
        self.workers = [
            self._start("dask_worker", self.address, "--nthreads", "1", "--no-nanny")
            for _ in range(workers)
        ]

    def _start(self, module: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        with (self._folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1",
                 "--no-dashboard", *map(str, arguments)],
                cwd=self._folder, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def said(self) -> str:
        """What its processes wrote."""
        return "\n".join(path.read_text() for path in self._folder.glob("*.log"))

    def close(self) -> None:
        """End all that is left of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with contextlib.closing(Cluster(tmp_path, workers=2)) as made:
        yield made


def campaign(cluster: Cluster, seeds: int, file: Path) -> subprocess.Popen[bytes]:
    """Begin trials of a second there, and return when the first is done."""
    command = start(
        "stress", "--cpus", "2", "--duration", "1", "--workload", "locks", "--seeds", str(seeds),
        "--cluster", cluster.address, "--json", file,
    )  # fmt: skip
    assert command.stdout is not None
    if b": passed in " not in command.stdout.readline():
        _, errors = command.communicate(timeout=SECONDS)
        pytest.fail(f"{errors!r}\n{cluster.said()}")
    return command


def finished(file: Path) -> list[int]:
    """Seeds whose trials have passed, as the file says."""
    trials = json.loads(file.read_text())["trials"]
    done = [trial["result"] for trial in trials if trial["result"]]
    assert all(result["status"] == 0 and not result["problems"] for result in done)
    return [result["seed"] for result in done]


def test_a_worker_that_is_killed_costs_no_trial(cluster: Cluster, tmp_path: Path):
    file = tmp_path / "results.json"
    command = campaign(cluster, 3, file)
    cluster.workers[0].send_signal(signal.SIGKILL)
    shown, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 0, shown + errors + cluster.said().encode()
    assert finished(file) == [0, 1, 2]


def test_a_cluster_that_goes_away_is_one_line_and_what_is_done_is_kept(
    cluster: Cluster, tmp_path: Path
):
    file = tmp_path / "results.json"
    command = campaign(cluster, 20, file)
    cluster.close()
    shown, errors = command.communicate(timeout=SECONDS)
    done = finished(file)
    assert 1 <= len(done) < 20
    assert shown.count(b"not run") == 20 - len(done), (shown, errors)
    assert command.returncode == 2, errors
    assert errors.startswith(f"mpkernel: the cluster {cluster.address} ".encode()), errors
    assert f"({len(done)} of 20 trials are done)\n".encode() in errors
    assert errors.count(b"\n") == 1, errors


def test_a_cluster_without_mpkernel_is_one_line(tmp_path: Path):
    with contextlib.closing(Cluster(tmp_path, workers=1, knows_mpkernel=False)) as cluster:
        done = mpkernel("stress", "--cluster", cluster.address)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"mpkernel: the cluster {cluster.address} needs ".encode())
    assert done.stderr.count(b"\n") == 1


def test_a_cluster_without_workers_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(campaigns, "WORKER_PATIENCE_S", 1)
    with contextlib.closing(Cluster(tmp_path, workers=0)) as cluster:
        trials = campaigns.run_on_cluster([Plan(1)], 1, cluster.address)
        with pytest.raises(ClusterError, match=f"the cluster {cluster.address} has no worker"):
            next(trials)
