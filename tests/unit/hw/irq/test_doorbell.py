"""Sleep and waking with a real queue and a second process."""

import os
import time
from collections.abc import Iterator

import pytest

from hw import clock, host, ram
from hw.irq import doorbell
from hw.irq.party import HEADER, MODE_HALTED, MODE_KERNEL, MODE_RUNG, PARTIES

pytestmark = [pytest.mark.usefixtures("board", "queue"), pytest.mark.feature("F3")]


@pytest.fixture
def queue() -> Iterator[host.Queue]:
    made = host.create_queue(1)
    PARTIES[1].doorbell_fd = made.mqd
    HEADER.launcher_pidfd = fd = host.own_pidfd()
    doorbell.prepare(1)
    yield made
    made.close()
    os.close(fd)


def test_deadline_ends_sleep_on_time():
    began = clock.now_ns()
    doorbell.halt(1, clock.tsc() + clock.counts_of(20_000_000))
    assert 20_000_000 <= clock.now_ns() - began < 100_000_000
    assert PARTIES[1].mode.value == MODE_KERNEL


def test_pending_core_and_past_deadline_do_not_sleep():
    ram.PENDING[1].bits.or_(ram.PENDING_INTERRUPT)
    doorbell.halt(1)
    ram.PENDING[1].bits.store(0)
    doorbell.halt(1, 0)
    assert PARTIES[1].mode.value == MODE_KERNEL


def test_running_core_is_never_rung(queue: host.Queue):
    doorbell.ring(1)
    doorbell.halt(1, clock.tsc() + clock.counts_of(5_000_000))
    assert clock.now_ns()
    polls = host.PollSet([queue.mqd])
    assert not polls.wait(0)


def test_one_message_a_sleep_however_many_ring(queue: host.Queue):
    PARTIES[1].mode.store(MODE_HALTED)
    for _ in range(20):
        doorbell.ring(1)
    assert PARTIES[1].mode.value == MODE_RUNG
    assert queue.current_messages == 1  # type: ignore[attr-defined]


def test_other_process_wakes_a_sleeper():
    for _ in range(50):
        pid = os.fork()
        if not pid:
            while PARTIES[1].mode.value != MODE_HALTED:
                time.sleep(0)
            ram.PENDING[1].bits.or_(ram.PENDING_INTERRUPT)
            doorbell.ring(1)
            os._exit(0)
        doorbell.halt(1, clock.tsc() + clock.counts_of(10_000_000_000))
        assert ram.PENDING[1].bits.xchg(0) == ram.PENDING_INTERRUPT
        os.waitpid(pid, 0)
