"""Configuration space: identity, BAR sizing and placing, what is writable."""

import pytest

from hw.bus import mmio
from hw.spec.memory_map import ECAM_BASE, MIB, PCI_WINDOW_BASE
from hw.spec.pci import CAP_ID_MSIX, STATUS_CAPABILITIES, PciHeader, ecam_address
from hw.spec.virtio import TYPE_RNG, VIRTIO_DEVICE_ID_BASE, VIRTIO_VENDOR_ID
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


def test_identity_is_read_only(rng: Driver):
    word = (VIRTIO_DEVICE_ID_BASE + TYPE_RNG) << 16 | VIRTIO_VENDOR_ID
    rng.set_config(0, 4, 0x1234_5678)
    assert rng.config(0, 4) == word
    assert rng.config(PciHeader.offset_of("status"), 2) & STATUS_CAPABILITIES
    assert rng.config(0x100, 4) == 0, "no extended capabilities"


def test_bar_sizing(rng: Driver):
    for bar in (0, 2):
        at = 0x10 + 4 * bar
        rng.set_config(at, 4, 0xFFFF_FFFF)
        rng.set_config(at + 4, 4, 0xFFFF_FFFF)
        low, high = rng.config(at, 4), rng.config(at + 4, 4)
        assert low & 0xF == 0x4, "64-bit memory"
        assert -(high << 32 | low & ~0xF) & ((1 << 64) - 1) == 0x10000
    rng.set_config(0x20, 4, 0xFFFF_FFFF)
    assert rng.config(0x20, 4) == 0


def test_bar_answers_only_where_it_is_placed_and_while_memory_is_on(rng: Driver):
    rng.map_bars()
    assert rng.common("num_queues") == 1
    rng.set_config(4, 2, 0)
    assert rng.common("num_queues") == 0xFFFF
    rng.set_config(4, 2, 6)
    rng.set_config(0x10, 4, PCI_WINDOW_BASE + 0x100_0000)
    assert rng.common("num_queues") == 0xFFFF
    assert mmio.read(0, PCI_WINDOW_BASE + 0x100_0000 + 18, 2) == 1


def test_capabilities_are_a_chain_that_ends(rng: Driver):
    kinds = []
    at = rng.config(0x34, 1)
    while at:
        kinds.append((rng.config(at, 1), rng.config(at + 3, 1)))
        at = rng.config(at + 1, 1)
        assert len(kinds) < 16
    assert [cfg_type for kind, cfg_type in kinds if kind == 9] == [1, 3, 4, 2, 5]
    assert kinds[-1][0] == CAP_ID_MSIX


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
