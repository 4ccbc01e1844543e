"""Two accesses race if nothing orders them, in whatever order they happened."""

import pytest

from hw.spec.layout import DIRECT_MAP
from hw.spec.watch import ATOMIC, BULK, UPDATE, WRITE, sized
from mpkernel.tools.explore.racecheck import Race, RaceCheck
from mpkernel.tools.explore.strategies.replay import Replay
from tests.support import strands

KINDS = {
    "r": 0,
    "w": WRITE,
    "zero": WRITE | BULK,
    "copy": BULK,
    "half": sized(WRITE, 4),
    "load": ATOMIC,
    "store": ATOMIC | WRITE,
    "add": ATOMIC | WRITE | UPDATE,
}


def address(half: int) -> int:
    """Host address of half a word."""
    return DIRECT_MAP + 4 * half


def step(text: str) -> tuple[str, int, int]:
    """``w1`` is the second word, ``half1`` the second half of the first."""
    verb, number = text[:-1], int(text[-1])
    return verb, number if verb == "half" else 2 * number, 0


def race(monkeypatch, turns, *programs: str) -> str:
    """What is reported of programs like ``w0 store1``, '' if nothing."""
    monkeypatch.setattr(strands, "KINDS", KINDS)
    monkeypatch.setattr(strands, "address", address)
    steps = [[step(text) for text in program.split()] for program in programs]
    races: list[Race] = []
    check = RaceCheck(len(steps), races.append)
    replay = Replay(turns)
    replay.begin()
    strands.run(replay, steps, [lambda _: lambda who, *access: check.look(who.index, *access)])
    names = [f"core{number}" for number in range(len(steps))]
    return races[0].told(names, f"word{(races[0].address - DIRECT_MAP) // 8}")[0] if races else ""


@pytest.mark.parametrize("turns", [((0, 9),), ((1, 9),)])
@pytest.mark.parametrize(
    ("one", "other", "races"),
    [
        ("w0", "w0", True),
        ("w0", "r0", True),
        ("r0", "r0", False),
        ("w0", "w1", False),
        ("store0", "store0", False),
        ("w0 load1", "load1 r0", True),
    ],
)
def test_pairs(monkeypatch, turns, one: str, other: str, races: bool):
    assert bool(race(monkeypatch, turns, one, other)) == races


def test_a_store_orders_what_came_before_it_and_a_load_what_comes_after(monkeypatch):
    assert race(monkeypatch, ((0, 2), (1, 2)), "w0 store1", "load1 r0") == ""
    assert race(monkeypatch, ((1, 2), (0, 2)), "w0 store1", "load1 r0")
    assert race(monkeypatch, ((0, 2), (1, 2)), "store1 w0", "load1 r0")


def test_a_store_acquires_nothing_and_an_update_does(monkeypatch):
    assert race(monkeypatch, ((0, 2), (1, 2)), "w0 store1", "store1 r0")
    assert race(monkeypatch, ((0, 2), (1, 2)), "w0 store1", "add1 r0") == ""


@pytest.mark.parametrize(
    ("one", "other", "races"),
    [
        ("store0", "w0", False),
        ("r0", "add0", False),
        ("store0", "zero0", True),
        ("zero0", "load0", True),
        ("zero0", "r0", True),
        ("zero0", "zero0", True),
        ("copy0", "load0", False),
    ],
)
def test_an_atomic_is_whole_beside_a_field_and_not_beside_a_bulk_copy(
    monkeypatch, one: str, other: str, races: bool
):
    assert bool(race(monkeypatch, ((0, 1), (1, 1)), one, other)) == races


@pytest.mark.parametrize(("other", "races"), [("half0", True), ("w0", True), ("half1", False)])
def test_halves_of_a_word_race_with_it_and_not_with_each_other(monkeypatch, other, races: bool):
    assert bool(race(monkeypatch, ((0, 1), (1, 1)), "half0", other)) == races


def test_order_goes_through_a_third_core(monkeypatch):
    turns = ((0, 2), (1, 2), (2, 2))
    assert race(monkeypatch, turns, "w0 store1", "load1 store2", "load2 w0") == ""


def test_the_report_names_both(monkeypatch):
    text = race(monkeypatch, ((0, 1), (1, 1)), "w3", "r3")
    assert text == "core0 writes word3, core1 reads it, and nothing orders them"
