"""The life of a core's process; whole machines are in tests/system."""

import pytest

from hw.irq import delivery
from hw.irq.acceptance import CoreReset
from hw.irq.party import PARTIES, STATE_LAUNCHED, STATE_OFFLINE
from hw.machine import run_core
from hw.spec.apic import DELIVERY_INIT, DELIVERY_STARTUP
from tests.support.board import LOCAL_APICS

pytestmark = pytest.mark.usefixtures("board")


class LifeOverError(Exception):
    """Leaves the endless life of a core."""


def test_first_core_runs_at_once():
    def entry(core: int) -> None:
        assert (core, PARTIES[0].state) == (0, STATE_LAUNCHED)
        raise LifeOverError

    with pytest.raises(LifeOverError):
        run_core(0, entry)


def test_other_core_runs_when_started_and_again_after_a_reset():
    lives = []

    def entry(core: int) -> None:
        lives.append(core)
        if len(lives) == 3:
            raise LifeOverError
        if len(lives) == 2:
            delivery.deliver(core, DELIVERY_STARTUP, 0x10)
            return
        delivery.deliver(core, DELIVERY_INIT, 0)
        delivery.deliver(core, DELIVERY_STARTUP, 0x10)
        with pytest.raises(CoreReset):
            LOCAL_APICS[core].accept()
        assert PARTIES[core].state == STATE_LAUNCHED
        raise CoreReset

    assert PARTIES[2].state == STATE_OFFLINE
    delivery.deliver(2, DELIVERY_STARTUP, 0x10)
    with pytest.raises(LifeOverError):
        run_core(2, entry)
    assert lives == [2, 2, 2]
