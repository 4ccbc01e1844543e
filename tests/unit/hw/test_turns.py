"""Turns: the seed says who goes on, time is what was done, and waits end."""

from collections.abc import Callable

import pytest

from hw.clock import NEVER, counts_of
from hw.cpu.state import TSC
from hw.machine_config import MachineConfig
from hw.ram import PENDING, PENDING_CODE_WRITTEN, PENDING_INTERRUPT
from hw.spec.memory_map import MIB
from hw.turns import RELAX_NS, Turns
from tests.support.board import powered_board


@pytest.fixture(autouse=True)
def _board():
    with powered_board(MachineConfig(cpus=2, ram_bytes=16 * MIB)):
        yield


def turns_of(seed: int, *mains: Callable[[Turns], int]) -> Turns:
    turns = Turns(seed, lambda: None, lambda _: None)
    for number, main in enumerate(mains):
        turns.add(f"party {number}", lambda main=main: main(turns))
    return turns


def order(seed: int) -> list[int]:
    seen: list[int] = []

    def talker(number: int) -> Callable[[Turns], int]:
        def main(turns: Turns) -> int:
            for _ in range(20):
                seen.append(number)
                turns.relax()
            return 0

        return main

    turns_of(seed, talker(0), talker(1)).run(5)
    return seen


def test_the_seed_decides_the_order(capfd):
    assert order(1) == order(1)
    assert order(1) != order(2)


def test_each_access_of_a_party_is_told(capfd):
    told: list[tuple[int, int, int]] = []

    def main(turns: Turns) -> int:
        turns.access(64, 1)
        turns.relax()
        turns.access(72, 2)
        return 0

    turns = Turns(0, lambda: None, lambda _: None, lambda *access: told.append(access))
    for name in "ab":
        turns.add(name, lambda: main(turns))
    assert not turns.looks()
    turns.access(8, 1)
    turns.run(5)
    assert (0, 64, 1) in told
    assert (1, 64, 1) in told
    assert (turns.parties[0].number, turns.parties[1].number) == (0, 1)
    assert not any(address == 8 for _, address, _ in told)


def test_time_is_what_was_done(capfd):
    def main(turns: Turns) -> int:
        turns.relax()
        turns.ran(0, 500)
        turns.ran(0, 700)
        return 0

    turns = turns_of(0, main)
    assert turns.run(5) == 71
    assert turns.now_ns() == TSC.virtual == 1 + RELAX_NS + 700
    assert turns.instructions()[0] == 700
    assert "party 0 has ended" in capfd.readouterr().err


def test_a_halted_core_is_woken_by_a_bit_or_its_deadline(capfd):
    seen: list[str] = []

    def sleeper(turns: Turns) -> int:
        turns.halt(0, NEVER)
        seen.append("interrupted")
        PENDING[0].bits.store(0)
        turns.halt(0, counts_of(turns.now_ns() + 5_000_000))
        seen.append("timed out")
        return 0

    def waker(turns: Turns) -> int:
        turns.relax()
        PENDING[0].bits.or_(PENDING_CODE_WRITTEN)
        turns.relax()
        seen.append("waker")
        PENDING[0].bits.or_(PENDING_INTERRUPT)
        turns.wait(lambda: False, lambda: None)
        return 0

    turns = turns_of(3, sleeper, waker)
    assert turns.run(5) == 71
    assert seen == ["waker", "interrupted", "timed out"]
    assert 5_000_000 <= turns.now_ns() < 5_100_000


def test_when_nobody_can_run_it_is_a_deadlock(capfd):
    def main(turns: Turns) -> int:
        turns.wait(lambda: False, lambda: None)
        return 0

    assert turns_of(0, main, main).run(5) == 72
    assert "deadlock" in capfd.readouterr().err


def test_what_is_private_to_a_process_follows_it(capfd):
    here = [0]

    def main(turns: Turns) -> int:
        mine = here[0] = turns.parties.index(turns._running) + 1
        for _ in range(10):
            turns.relax()
            assert here[0] == mine
        return 0

    def put(value: int) -> None:
        here[0] = value

    turns = Turns(0, lambda: here[0], put)
    for _ in range(3):
        turns.add("party", lambda: main(turns))
    assert turns.run(5) == 71


def test_entropy_is_of_the_seed():
    assert turns_of(1).random_bytes(8) == turns_of(1).random_bytes(8) != turns_of(2).random_bytes(8)
