"""Recorders beside processes that stand for a machine's."""

import os
import signal
import sys
import time

import pytest

from hw import host
from hw.irq.party import DEVICE_PARTY, HEADER, PARTIES
from mpkernel.tools.profile import recorder
from mpkernel.tools.profile.recorder import ProfileError, Recorder
from tests.support.kernel import kernel


class Nobody:
    """A watcher that sees nothing."""

    interval_ns = 7

    def look(self) -> int | None:
        return None


def spin() -> int:
    while True:
        pass


@pytest.fixture
def processes():
    with kernel(cpus=1):
        assert HEADER.core_count == 1
        pids = [host.fork(name, spin) for name in ("core 0", "devices")]
        PARTIES[0].pid, PARTIES[DEVICE_PARTY].pid = pids
        yield pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def end(pids: list[int]) -> None:
    while pids:
        pid = pids.pop()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_what_the_processes_did_until_they_ended(processes: list[int]):
    with Recorder(Nobody()) as one:
        assert one.interval_ns == 7
        assert one.look() is None
        time.sleep(1.5)
        end(processes)
        one.collect()
        assert list(one.samples.by_party) == ["core 0", "device process"]
        names = {stack[-1].name for c in one.samples.by_party.values() for stack in c}
        assert names == {"spin"}


def test_processes_that_cannot_be_traced_are_one_line(processes: list[int], monkeypatch, tmp_path):
    script = tmp_path / "py-spy"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('Permission Denied: ptrace')\n")
    script.chmod(0o755)
    monkeypatch.setattr(recorder, "find_py_spy", lambda: str(script))
    with Recorder(Nobody()) as one:
        one.look()
        with pytest.raises(ProfileError, match="ptrace_scope"):
            one.collect()


def test_time_ends_the_machine(processes: list[int]):
    with Recorder(Nobody(), duration_s=0) as one:
        assert one.look() == 0
        end(processes)


def test_without_py_spy_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(recorder.sysconfig, "get_path", lambda _name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProfileError, match="pip install"):
        Recorder(Nobody())
