"""Configuration space: identity, BAR sizing and placing, what is writable."""

import pytest

from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.pci import CAP_ID_MSIX, STATUS_CAPABILITIES, PciHeader
from hw.spec.virtio import TYPE_RNG, VIRTIO_DEVICE_ID_BASE, VIRTIO_VENDOR_ID
from tests.support.bare_driver import Driver, find

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H1")]


@pytest.fixture
def rng() -> Driver:
    return Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)


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


def test_capabilities_are_a_chain_that_ends(rng: Driver):
    kinds = []
    at = rng.config(0x34, 1)
    while at:
        kinds.append((rng.config(at, 1), rng.config(at + 3, 1)))
        at = rng.config(at + 1, 1)
        assert len(kinds) < 16
    assert [cfg_type for kind, cfg_type in kinds if kind == 9] == [1, 3, 4, 2, 5]
    assert kinds[-1][0] == CAP_ID_MSIX
