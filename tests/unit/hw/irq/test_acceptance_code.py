"""The native acceptance and its plain twin do the same to any local APIC."""

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.irq import acceptance_code
from hw.irq.apic_state import APICS, LocalApicState
from hw.ram import PENDING, PENDING_INTERRUPT

pytestmark = pytest.mark.usefixtures("board")

#: Few bits, so that nothing to deliver is as likely as much.
SPARSE = st.sets(st.integers(1, 255), max_size=4).map(lambda bits: sum(1 << bit for bit in bits))
OTHER_BITS = 0xFF00


def _set(core: int, start: tuple[int, int, int, int, int, int]) -> None:
    irr, isr, tmr, tpr, events, pending = start
    state = APICS[core]
    for word in range(4):
        for name, value in (("irr", irr), ("isr", isr), ("tmr", tmr)):
            setattr(state, f"{name}{word}", value >> (64 * word) & (1 << 64) - 1)
    state.tpr = tpr
    state.events.store(events)
    PENDING[core].bits.store(pending)


def _state(core: int) -> tuple[bytes, int]:
    return bytes(APICS[core])[: LocalApicState.offset_of("base")], PENDING[core].bits.value


@pytest.mark.parametrize(
    ("plain", "compiled"),
    [
        (acceptance_code.accept, acceptance_code.native_accept),
        (acceptance_code.eoi, acceptance_code.native_eoi),
        (acceptance_code.look_again, acceptance_code.native_look_again),
    ],
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.tuples(
        SPARSE, SPARSE, SPARSE, st.integers(0, 255), st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0, PENDING_INTERRUPT]).map(lambda bit: bit | OTHER_BITS),
    )
)  # fmt: skip
def test_twins_agree(
    plain: Callable[[LocalApicState, int], Any],
    compiled: Callable[[int, int], Any],
    start: tuple[int, int, int, int, int, int],
):
    _set(0, start)
    _set(1, start)
    expected = plain(APICS[0], ctypes.addressof(PENDING[0]))
    assert compiled(ctypes.addressof(APICS[1]), ctypes.addressof(PENDING[1])) == expected
    assert _state(0) == _state(1)
    assert PENDING[1].bits.value & OTHER_BITS == OTHER_BITS


def test_nothing_to_take_lowers_the_flag_and_an_event_leaves_it():
    _set(0, (0, 0, 0, 0, 0, PENDING_INTERRUPT))
    at, pending = ctypes.addressof(APICS[0]), ctypes.addressof(PENDING[0])
    assert acceptance_code.native_accept(at, pending) == 0
    assert PENDING[0].bits.value == 0
    _set(0, (1 << 200, 0, 0, 0, 1, PENDING_INTERRUPT))
    assert acceptance_code.native_accept(at, pending) == acceptance_code.EVENT
    assert PENDING[0].bits.value == PENDING_INTERRUPT
