"""Native paths of the doorbell and their plain twins do the same."""

import ctypes
import os
import time
from collections.abc import Callable, Iterator

import pytest

from hw import host, ram
from hw.irq import doorbell_code
from hw.irq.doorbell import MODE_AT, PENDING_AT
from hw.irq.hpet import STATE
from hw.irq.party import MODE_HALTED, MODE_KERNEL, MODE_RUNG, MODE_USER, PARTIES

pytestmark = pytest.mark.usefixtures("board")
Post = Callable[[int, int, int, int, int, int], int]
Sleep = Callable[[int, int, int, int, int], int]
POSTS = pytest.mark.parametrize("post", [doorbell_code.post, doorbell_code.plain_post])
SLEEPS = pytest.mark.parametrize("sleep", [doorbell_code.sleep, doorbell_code.plain_sleep])


@pytest.fixture
def queue() -> Iterator[host.Queue]:
    made = host.create_queue(7)
    yield made
    made.close()


@POSTS
@pytest.mark.parametrize(
    ("mode", "after", "rings"),
    [
        (MODE_KERNEL, MODE_KERNEL, 0),
        (MODE_USER, MODE_USER, 0),
        (MODE_HALTED, MODE_RUNG, 1),
        (MODE_RUNG, MODE_RUNG, 0),
    ],
)
def test_post(post: Post, queue: host.Queue, mode: int, after: int, rings: int):
    word = ctypes.addressof(STATE)
    STATE.config = 1
    PARTIES[1].mode.store(mode)
    assert post(word, 6, PENDING_AT[1], 9, MODE_AT[1], queue.mqd) == rings
    assert queue.current_messages == rings  # type: ignore[attr-defined]
    assert STATE.config == 7
    assert ram.PENDING[1].bits.value == 9
    assert PARTIES[1].mode.value == after


def nap(sleep: Sleep, queue: host.Queue, seconds: float) -> tuple[int, float]:
    """Sleep as core 1; return the result and how long it took."""
    polls = (host.PollFd * 2)(host.PollFd(queue.mqd, host.POLLIN), host.PollFd(-1))
    timeout = host.TimeSpec(0, int(seconds * 1e9))
    began = time.monotonic()
    ready = sleep(
        MODE_AT[1], PENDING_AT[1], ctypes.addressof(polls), ctypes.addressof(timeout), queue.mqd
    )
    assert PARTIES[1].mode.value == MODE_KERNEL
    return ready, time.monotonic() - began


@SLEEPS
def test_time_ends_sleep(sleep: Sleep, queue: host.Queue):
    ready, seconds = nap(sleep, queue, 0.02)
    assert ready == 0
    assert 0.02 <= seconds < 0.3


@SLEEPS
def test_pending_core_does_not_sleep(sleep: Sleep, queue: host.Queue):
    ram.PENDING[1].bits.store(ram.PENDING_STOP)
    ready, seconds = nap(sleep, queue, 0.5)
    assert ready == 0
    assert seconds < 0.3


@SLEEPS
@pytest.mark.parametrize("why", [ram.PENDING_CODE_WRITTEN, ram.PENDING_EXCLUSIVE])
def test_what_concerns_native_code_keeps_no_idle_core_awake(
    sleep: Sleep, queue: host.Queue, why: int
):
    ram.PENDING[1].bits.store(why)
    assert nap(sleep, queue, 0.02)[1] >= 0.02
    assert ram.PENDING[1].bits.value == why


@SLEEPS
def test_message_ends_sleep_and_is_taken(sleep: Sleep, queue: host.Queue):
    host.queue_send(queue.mqd)
    ready, seconds = nap(sleep, queue, 0.5)
    assert ready == 1
    assert seconds < 0.3
    assert not host.PollSet([queue.mqd]).wait(0)


@SLEEPS
def test_sleeper_that_is_posted_wakes_every_time(sleep: Sleep, queue: host.Queue):
    turns = 200
    pid = os.fork()
    if not pid:
        for _ in range(turns):
            while ram.PENDING[1].bits.value:
                os.sched_yield()
            word = ctypes.addressof(STATE)
            doorbell_code.post(word, 1, PENDING_AT[1], 1, MODE_AT[1], queue.mqd)
        os._exit(0)
    for _ in range(turns):
        while not ram.PENDING[1].bits.value:
            assert nap(sleep, queue, 5)[1] < 4, "a wake-up was lost"
        ram.PENDING[1].bits.store(0)
    os.waitpid(pid, 0)
