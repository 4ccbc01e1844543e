"""Families of handlers: numbered without gaps, loaded when first met."""

from collections.abc import Iterator

import pytest

from hw.cpu import threaded
from hw.cpu.exits import IllegalInstruction
from hw.cpu.semantics import bit, muldiv
from tests.differential.guest import Guest
from tests.differential.host import CODE

_WITHOUT_BIT = tuple(f for f in threaded.COMMON if f is not bit)
#: bsf rax, rbx; ud2
_BSF = bytes.fromhex("480fbcc3 0f0b")


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guest]:
    """Return a core that has not loaded the family of BSF."""
    code = threaded.NativeCode(_WITHOUT_BIT)
    monkeypatch.setattr(threaded, "load", lambda: code)
    guest = Guest()
    yield guest
    guest.close()


def test_numbers_are_positions_in_the_list() -> None:
    for name, number in threaded.numbers().items():
        assert threaded.handler_list()[number].name == name


def test_a_family_is_loaded_when_one_of_its_instructions_is_met(guest: Guest) -> None:
    table = threaded.load().table
    number = threaded.numbers()["bsf64_rr"]
    asks = table[threaded.numbers()["load_family"]]
    assert table[number] == asks
    guest.put_code(0, _BSF)
    gpr = [0] * 16
    gpr[3] = 0x8000
    result = guest.run(CODE, gpr, 2)
    assert result["signal"] == 0
    assert result["gpr"][0] == 15
    assert result["count"] == 1
    assert table[number] != asks


def test_only_the_families_of_the_handlers_are_loaded() -> None:
    code = threaded.NativeCode(tuple(f for f in _WITHOUT_BIT if f is not muldiv))
    asks = code.table[threaded.numbers()["load_family"]]
    code.load_families_of([threaded.numbers()["bsf64_rr"]])
    assert code.table[threaded.numbers()["bsf64_rr"]] != asks
    assert code.table[threaded.numbers()["mul64_r"]] == asks


def test_an_absent_instruction_stays_absent(guest: Guest) -> None:
    guest.put_code(0, b"\x0f\x0b")
    guest.core.state.rip = CODE
    assert guest.core.run() == IllegalInstruction("ud2", CODE)
