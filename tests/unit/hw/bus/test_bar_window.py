"""Who answers behind PCI's windows."""

import pytest

from hw.bus import mmio
from hw.spec.memory_map import ECAM_BASE, MIB, PCI_WINDOW_BASE
from hw.spec.pci import ecam_address
from hw.spec.virtio import TYPE_RNG
from tests.support.bare_driver import Driver, find

pytestmark = pytest.mark.usefixtures("board")


@pytest.fixture
def rng() -> Driver:
    return Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)


def test_absent_functions_read_as_ones():
    assert mmio.read(0, ecam_address(0, 31, 0), 4) == 0xFFFF_FFFF
    assert mmio.read(0, ecam_address(0, 0, 1), 2) == 0xFFFF
    assert mmio.read(0, ecam_address(3, 0, 0), 4) == 0xFFFF_FFFF
    assert mmio.read(0, ECAM_BASE - 4096, 4) == 0xFFFF_FFFF


def test_bar_answers_only_where_it_is_placed_and_while_memory_is_on(rng: Driver):
    rng.map_bars()
    assert rng.common("num_queues") == 1
    rng.set_config(4, 2, 0)
    assert rng.common("num_queues") == 0xFFFF
    rng.set_config(4, 2, 6)
    rng.set_config(0x10, 4, PCI_WINDOW_BASE + 0x100_0000)
    assert rng.common("num_queues") == 0xFFFF
    assert mmio.read(0, PCI_WINDOW_BASE + 0x100_0000 + 18, 2) == 1


def test_bar_reached_through_configuration_space(rng: Driver):
    at = rng.config(0x34, 1)
    while rng.config(at + 3, 1) != 5:
        at = rng.config(at + 1, 1)
    rng.set_config(at + 4, 1, 0)
    rng.set_config(at + 8, 4, 18)
    rng.set_config(at + 12, 4, 2)
    assert rng.config(at + 16, 2) == 1, "num_queues"
    rng.set_config(at + 8, 4, 20)
    rng.set_config(at + 12, 4, 1)
    rng.set_config(at + 16, 1, 1)
    assert rng.config(at + 16, 1) == 1, "ACKNOWLEDGE"


def test_bar_outside_the_window_answers_nowhere(rng: Driver):
    rng.map_bars()
    rng.set_config(0x14, 4, 1)
    assert rng.common("num_queues") == 0xFFFF
    assert mmio.read(0, PCI_WINDOW_BASE + 0x1_0000_0000, 2) == 0xFFFF
