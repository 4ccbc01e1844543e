"""A process tells where it is, whatever it does."""

import os
import signal
import time

import pytest

from hw import host, stacks
from hw.irq.party import PARTIES

pytestmark = pytest.mark.usefixtures("board")


def run_core() -> int:
    """Outermost function of a stack, by its name."""
    return spin_for_ever()


def spin_for_ever() -> int:
    while True:
        pass


@pytest.fixture
def spinning():
    files = stacks.prepare([0, 1])

    def main() -> int:
        stacks.write_on_signal(0)
        stacks.write(0, "ready\n")
        return run_core()

    pid = PARTIES[0].pid = host.fork("spins", main)
    while not stacks.end(0):
        time.sleep(0.001)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    stacks.close(files)


def test_the_stack_of_a_process_that_never_stops(spinning: int):
    for _ in range(2):
        (inner, *_) = stacks.ask([0], 2)[0]
        name, function = inner.split()
        assert function == "spin_for_ever"
        assert name.startswith("tests/unit/hw/test_stacks.py:")


def test_a_process_that_does_not_answer_has_an_empty_stack(spinning: int):
    os.kill(spinning, signal.SIGSTOP)
    PARTIES[1].pid = 2**22  # nobody
    try:
        assert stacks.ask([0, 1], 0.02) == {0: [], 1: []}
    finally:
        os.kill(spinning, signal.SIGCONT)


def test_a_long_file_begins_anew(spinning: int):
    stacks.write(1, "x" * 100_000)
    assert stacks.end(1) == 0
    stacks.write(1, "new")
    assert stacks.read(1, 0) == "new"
