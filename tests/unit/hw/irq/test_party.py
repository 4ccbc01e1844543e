"""States and names of cores."""

import pytest

from hw.irq import party
from hw.irq.party import PARTIES

pytestmark = pytest.mark.usefixtures("board")


def test_a_core_that_sleeps_is_halted_only_once_it_is_online():
    PARTIES[1].mode.store(party.MODE_HALTED)
    assert party.core_state(1) == party.STATE_OFFLINE
    party.came_online(1)
    assert party.core_state(1) == party.STATE_HALTED
    PARTIES[1].mode.store(party.MODE_USER)
    assert party.core_state(1) == party.STATE_ONLINE
    PARTIES[1].state = party.STATE_LOST
    assert party.STATE_NAMES[party.core_state(1)] == "lost"


def test_names_and_ids():
    assert party.name_of(5) == "core 5"
    assert party.name_of(party.DEVICE_PARTY) == "device process"
    assert party.core_count() == 4
    assert [party.core_with_apic_id(i) for i in (0, 3, 4)] == [0, 3, None]
