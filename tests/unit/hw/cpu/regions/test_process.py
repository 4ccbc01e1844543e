"""The compiler's process serves a core that runs, and ends with its launcher."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from hw import host
from hw.cpu.exits import Syscall
from hw.cpu.regions import process
from hw.cpu.regions.record import OFTEN, REGIONS
from hw.irq.party import COMPILER_PARTY, HEADER, MODE_HALTED, PARTIES
from tests.differential.guest import Guest
from tests.support import hot_code


@pytest.fixture
def compiler(guest: Guest) -> Iterator[tuple[int, int]]:
    """The process, and a process that stands for the launcher."""
    assert guest.core.index == 0
    queue = host.create_queue(1)
    PARTIES[COMPILER_PARTY].doorbell_fd = queue.mqd
    stand_in = os.fork()
    if not stand_in:
        signal.pause()
    HEADER.launcher_pidfd = os.pidfd_open(stand_in)
    pid = host.fork("compiler", process.run)
    while PARTIES[COMPILER_PARTY].mode.value != MODE_HALTED:
        time.sleep(0.001)
    yield pid, stand_in
    for child in (pid, stand_in):
        host.kill(child)
        try:
            os.waitpid(child, 0)
        except ChildProcessError:
            continue
    os.close(HEADER.launcher_pidfd)
    queue.close()


@pytest.mark.usefixtures("compiler")
def test_a_running_core_gets_its_region(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM)
    REGIONS.often = OFTEN
    end = time.monotonic() + 60
    rounds = 0
    while REGIONS.compiled.load() == 0:
        rounds += 1
        hot_code.point(guest, rcx=1_000_000)
        assert hot_code.run(guest) == (Syscall(), 3_000_003)
        assert guest.core.state.rax == 500_000_500_000
        assert time.monotonic() < end
    hot_code.point(guest, rcx=1_000_000)
    assert hot_code.run(guest) == (Syscall(), 3_000_003)
    assert guest.core.state.rax == 500_000_500_000


def test_ends_with_the_launcher(compiler: tuple[int, int]) -> None:
    pid, stand_in = compiler
    os.kill(stand_in, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 71
