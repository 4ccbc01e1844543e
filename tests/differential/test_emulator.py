"""The oracle of forms that a host lacks, held against a host that has them, and then used."""

import os
import random

import pytest

from tests.differential import comparison, emulator, forms, host
from tests.differential.guest import Guest
from tests.differential.host_features import FLAGS, features_of, host_executes, host_has

_NAMES = [name for name in forms.claimed() if features_of(name) & set(FLAGS)]
_PRESENT = [name for name in _NAMES if host_executes(name)]


def _work(names: list[str], seed: int) -> comparison.Work:
    return comparison.make_work(names, *((8, 10) if os.environ.get("MPK_LONG") else (2, 5)), seed)


def test_the_host_agrees_with_the_emulator() -> None:
    """Else what the emulator says of a core would prove nothing."""
    work = _work(_PRESENT, 1)
    reference = iter(comparison.on_host(work))
    engine = emulator.Emulator()
    compared, lines = set(), []
    for slot, (case, states) in enumerate(work):
        for state in states:
            real = next(reference)
            if not emulator.trusted(case, state):
                continue
            at = host.CODE + slot * comparison._SLOT
            want = engine.run(at, case.code, state, comparison.data_for(case, state))
            found = emulator.differences(case, want, real)
            lines += [f"{case.name} ({case.text}): {'; '.join(found)}"] if found else []
            compared.add(case.name)
    assert lines == []
    known = set(filter(emulator.knows, _PRESENT))
    assert compared <= known
    assert len(compared) > 0.95 * len(known)


@pytest.fixture
def _bare_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has none of the features that some host lacks."""
    monkeypatch.setenv("MPK_HOST_LACKS", ",".join(FLAGS))


@pytest.mark.usefixtures("_bare_host")
def test_a_form_that_the_host_lacks_is_compared_with_the_emulator(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any(map(host_executes, _NAMES))
    assert not host_has("SSSE3")
    assert host_executes("ADD_RM64_R64")
    monkeypatch.setattr(host, "in_child", lambda _work: [])
    assert comparison.failures(guest, _work(_NAMES, 2), oracle=False) == []
    assert comparison.failures(guest, _work(_NAMES[::4], 3), oracle=True) == []


@pytest.mark.usefixtures("_bare_host")
def test_a_difference_from_the_emulator_is_found(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(4)
    case = forms.make("POPCNT_R32_RM32", rng, host.CODE)
    assert case is not None
    work = [(case, comparison.states_for(case, 5, rng))]
    run = guest.run

    def spoiled(*arguments):
        result = run(*arguments)
        result["gpr"][3] ^= 1
        return result

    monkeypatch.setattr(guest, "run", spoiled)
    lines = comparison.failures(guest, work, oracle=False)
    assert len(lines) == 5
    assert all("rbx" in line for line in lines)
