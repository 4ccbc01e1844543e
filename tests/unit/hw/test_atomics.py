"""Atomic cells: what several processes do to one word at the same time is never lost."""

import os
from collections.abc import Callable, Iterator

import pytest

from hw import atomics, ram
from hw.atomics import AtomicU32, AtomicU64

pytestmark = pytest.mark.feature("E5")

RAM_BYTES = 16 << 20
PLACE = 8 << 20
PROCESSES = 4
TIMES = 10_000


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    files = ram.create(RAM_BYTES)
    yield
    ram.close(files)


def in_processes(work: Callable[[int], None]) -> None:
    """Run work(0), work(1) ... at the same time, in processes."""
    pids = []
    for number in range(PROCESSES):
        pid = os.fork()
        if pid == 0:
            try:
                work(number)
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("kind", [AtomicU32, AtomicU64])
def test_increments_of_many_processes_sum_exactly(kind: type):
    cell = kind.at(PLACE)

    def work(_number: int) -> None:
        for _ in range(TIMES):
            cell.add(1)

    in_processes(work)
    assert cell.load() == PROCESSES * TIMES


def test_compare_and_set_lets_one_of_many_win():
    cell = AtomicU64.at(PLACE)
    wins = [AtomicU64.at(PLACE + 64 * (number + 1)) for number in range(PROCESSES)]

    def work(number: int) -> None:
        for turn in range(TIMES // 10):
            if cell.cas(turn, turn + 1) == turn:
                wins[number].add(1)
            while cell.load() <= turn:
                os.sched_yield()

    in_processes(work)
    assert sum(one.load() for one in wins) == TIMES // 10


@pytest.mark.parametrize(("kind", "bits"), [(AtomicU32, 32), (AtomicU64, 64)])
def test_each_operation_returns_the_old_value(kind: type, bits: int):
    cell, top = kind.at(PLACE), (1 << bits) - 1
    cell.store(top)
    assert cell.add(2) == top
    assert cell.add(-2) == 1
    assert cell.xchg(0b1100) == top
    assert cell.or_(0b0010) == 0b1100
    assert cell.and_(0b0110) == 0b1110
    assert cell.cas(0, 7) == 0b0110
    assert cell.cas(0b0110, 7) == 0b0110
    assert cell.load() == 7


def test_words_that_are_no_cells():
    atomics.store64(PLACE, 5)
    assert atomics.xchg64(PLACE, 6) == 5
    assert atomics.cas64(PLACE, 6, 8) == 6
    assert atomics.or64(PLACE, 1) == 8
    assert atomics.and64(PLACE, 1) == 9
    assert atomics.load64(PLACE) == 1


def test_bits_of_neighbouring_bytes_do_not_touch():
    for bit in range(8):
        assert atomics.or8_at(ram.FRAME_FLAGS, 1 << bit) == (1 << bit) - 1
    assert atomics.and8_at(ram.FRAME_FLAGS, 0x0F) == 0xFF
    assert atomics.or8_at(ram.FRAME_FLAGS + 1, 0) == 0
    atomics.and8_at(ram.FRAME_FLAGS, 0)
