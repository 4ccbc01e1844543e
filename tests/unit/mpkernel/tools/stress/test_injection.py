"""Disturbances do what they say, as the seed says."""

import os
import signal
import time

import pytest

from hw import host
from hw.irq.party import PARTIES
from mpkernel.tools.stress.injection import Injection
from tests.support.board import accepted
from tests.support.command import is_alive
from tests.support.kernel import kernel


@pytest.fixture
def sleeper():
    """A process that stands for all three cores."""
    with kernel(cpus=3):
        pid = host.fork("sleeper", lambda: signal.pause() or 0)
        for index in range(3):
            PARTIES[index].pid = pid
        yield pid
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_no_kind_disturbs_nobody(sleeper: int):
    injection = Injection((), 1, 1)
    for _ in range(20):
        injection.step()
    assert injection.count == 0
    assert not any(accepted(index) for index in range(3))


@pytest.mark.parametrize("kind", ["spurious", "ipi-storm"])
def test_interrupts_come_to_every_core(sleeper: int, kind: str):
    injection = Injection((kind,), 1, 1)
    for _ in range(40):
        injection.step()
    assert injection.count > 20
    assert all(accepted(index) for index in range(3))


def test_a_core_is_stopped_and_goes_on(sleeper: int):
    injection = Injection(("delays",), 1, 1)
    while not injection.count:
        injection.step()
    assert os.waitpid(sleeper, os.WUNTRACED)[1] >> 8 == signal.SIGSTOP
    injection.end()
    assert os.waitid(os.P_PID, sleeper, os.WCONTINUED).si_status == signal.SIGCONT


def test_a_core_is_killed_once_in_the_middle(sleeper: int):
    injection = Injection(("kill-core",), 1, 0.02)
    injection.step()
    assert injection.killed is None
    time.sleep(0.02)
    injection.step()
    assert injection.killed in range(3)
    while is_alive(sleeper):
        time.sleep(0.001)
    assert injection.count == 1


def test_the_seed_decides(sleeper: int):
    def interrupts(seed: int) -> list[list[int]]:
        injection = Injection(("spurious",), seed, 1)
        for _ in range(5):
            injection.step()
        return [accepted(index) for index in range(3)]

    assert interrupts(5) == interrupts(5)
    assert [interrupts(seed) for seed in range(4)].count(interrupts(0)) < 4
