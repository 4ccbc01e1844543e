"""Cores as processes: start, interrupts between them, timers, ends of every kind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUCCESS = 3


def machine(*arguments: str, module: str = "bare_machine") -> list[str]:
    return [sys.executable, "-m", f"tests.support.{module}", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        machine(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class Idle:
    """An idle machine of four cores whose processes are known."""

    def __enter__(self) -> "Idle":
        self.launcher = subprocess.Popen(
            machine("idle", "4"), cwd=ROOT, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        words = self.launcher.stderr.readline().split()
        assert words[0] == "pids"
        *self.cores, self.devices = [int(word) for word in words[1:]]
        return self

    def __exit__(self, *_: object) -> None:
        self.launcher.kill()
        self.launcher.wait()
        self.launcher.stderr.close()

    def ended(self) -> tuple[int, str, float]:
        """Return status, last words and how long the end took."""
        began = time.monotonic()
        text = self.launcher.communicate(timeout=10)[1]
        return self.launcher.returncode, text, time.monotonic() - began

    def gone_after(self, seconds: float) -> bool:
        """Whether all processes but the launcher end in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not any(is_alive(pid) for pid in (*self.cores, self.devices)):
                return True
            time.sleep(0.02)
        return False


@pytest.mark.parametrize(
    ("scenario", "cores"),
    [
        ("start", 1),
        ("start", 8),
        ("ping", 2),
        ("ping", 8),
        ("flood", 2),
        ("flood", 8),
        ("timer", 1),
        ("hpet", 1),
    ],
)
def test_scenario(scenario: str, cores: int):
    result = run(scenario, str(cores))
    assert result.returncode == SUCCESS, result.stderr


@pytest.mark.feature("A8")
def test_cores_start_with_sparse_apic_ids():
    assert run("ping", "3", "sparse").returncode == SUCCESS


@pytest.mark.feature("A8")
def test_64_cores_start():
    result = run("start", "64")
    assert result.returncode == SUCCESS, result.stderr
    assert "64 cores" in result.stderr


@pytest.mark.feature("A4")
def test_two_machines_one_after_the_other_leave_nothing():
    result = run("twice")
    assert result.returncode == SUCCESS, result.stderr


def test_exception_in_a_core_is_a_panic():
    result = run("crash", "2")
    assert result.returncode == 70
    assert "core 0 fails on purpose" in result.stderr


def test_timeout():
    result = run("spin", "2", "timeout")
    assert result.returncode == 124
    assert "did not end within 0.5 s" in result.stderr


@pytest.mark.parametrize("core", [0, 3])
def test_killed_core_is_named_within_a_second(core: int):
    with Idle() as idle:
        os.kill(idle.cores[core], signal.SIGKILL)
        status, text, seconds = idle.ended()
        assert status == 71
        assert text.splitlines() == [
            f"mpkernel: core {core} was lost (killed by signal 9); the machine stops"
        ]
        assert seconds < 1
        assert idle.gone_after(0.5)


def test_killed_device_process_is_named_within_a_second():
    with Idle() as idle:
        os.kill(idle.devices, signal.SIGKILL)
        status, text, seconds = idle.ended()
        assert status == 71
        assert "device process was lost" in text
        assert seconds < 1
        assert idle.gone_after(0.5)


def test_killed_launcher_leaves_nothing():
    with Idle() as idle:
        idle.launcher.kill()
        assert idle.gone_after(2)


def test_launcher_killed_while_cores_run_leaves_nothing():
    spinning = subprocess.Popen(machine("spin", "2"), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert spinning.stderr.readline() == "spinning\n"
    children = Path(f"/proc/{spinning.pid}/task/{spinning.pid}/children").read_text().split()
    assert len(children) == 3
    spinning.kill()
    spinning.communicate(timeout=5)
    end = time.monotonic() + 2
    while any(is_alive(int(pid)) for pid in children):
        assert time.monotonic() < end, "a process outlives the launcher"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_to_the_launcher_ends_the_machine(number: signal.Signals):
    with Idle() as idle:
        os.kill(idle.launcher.pid, number)
        status, _, seconds = idle.ended()
        assert status == 128 + number
        assert seconds < 1
        assert idle.gone_after(0.5)


def test_a_signal_to_the_whole_group_ends_the_machine_as_one_to_the_launcher():
    with Idle() as idle:
        os.killpg(idle.launcher.pid, signal.SIGTERM)
        status, text, _ = idle.ended()
        assert status == 128 + signal.SIGTERM
        assert text == ""
        assert idle.gone_after(0.5)


def test_kernel_may_take_the_hosts_signals():
    machine_ = subprocess.Popen(
        machine("signals", "1"), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert machine_.stderr.readline() == "ready\n"
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        machine_.send_signal(number)
        assert machine_.stderr.readline() == f"signal {number}\n"
    machine_.communicate(timeout=5)
    assert machine_.returncode == SUCCESS


def test_second_interrupt_within_a_second_ends_the_machine():
    machine_ = subprocess.Popen(
        machine("signals", "1"), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert machine_.stderr.readline() == "ready\n"
    machine_.send_signal(signal.SIGINT)
    assert machine_.stderr.readline() == "signal 2\n"
    machine_.send_signal(signal.SIGINT)
    machine_.communicate(timeout=5)
    assert machine_.returncode == 130


@pytest.mark.feature("F3")
def test_idle_machine_uses_no_host_cpu():
    with Idle() as idle:
        time.sleep(0.3)

        def ticks() -> int:
            total = 0
            for pid in (*idle.cores, idle.devices, idle.launcher.pid):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            return total

        before = ticks()
        time.sleep(1)
        assert ticks() - before <= 2


def test_processes_have_names_and_groups():
    with Idle() as idle:
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in idle.cores]
        assert names == [f"core {core}" for core in range(4)]
        assert all(os.getpgid(pid) == pid for pid in idle.cores)
        assert Path(f"/proc/{idle.devices}/comm").read_text().strip() == "devices"


def test_queues_have_no_names():
    with Idle() as idle:
        queues = Path("/dev/mqueue")
        left = [q.name for q in queues.iterdir()] if queues.is_dir() else []
        assert not [name for name in left if f"mpkernel-{idle.launcher.pid}-" in name]
