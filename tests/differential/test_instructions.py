"""Every claimed encoding against the host CPU: registers, flags, memory, faults, count."""

import os

import pytest

from hw.cpu.encodings.table import builder_for
from tests.differential import comparison, forms
from tests.differential.guest import Guest

#: Random forms of an encoding, and states of a form; more with MPK_LONG=1.
_FORMS, _STATES = (50, 20) if os.environ.get("MPK_LONG") else (4, 12)
_SEED = int(os.environ.get("MPK_SEED", "1"))
_NAMES = forms.claimed()
_PARTS = 24 if os.environ.get("MPK_LONG") else 4


@pytest.mark.parametrize("part", range(_PARTS))
def test_core_agrees_with_host(guest: Guest, part: int) -> None:
    work = comparison.make_work(_NAMES[part::_PARTS], _FORMS, _STATES, _SEED + part)
    assert comparison.failures(guest, work, oracle=False) == []


@pytest.mark.parametrize("part", range(_PARTS))
def test_plain_python_agrees_with_host(guest: Guest, part: int) -> None:
    work = comparison.make_work(_NAMES[part::_PARTS], 2, 4, _SEED + 100 + part)
    assert comparison.failures(guest, work, oracle=True) == []


def test_enough_encodings_are_claimed() -> None:
    assert len(_NAMES) > 550


def test_what_is_not_there_has_no_builder() -> None:
    for name in ("VADDPD_YMM_YMM_YMMM256", "VPADDD_XMM_XMM_XMMM128", "VMCALL", "FEMMS"):
        assert builder_for(name) is None
