"""A core that runs a bare image until INIT ends it; whole machines: tests/bare."""

import pytest

from hw import ram
from hw.bare import bare_image
from hw.cpu.state import CORES
from hw.irq import delivery
from hw.irq.acceptance import CoreReset
from hw.irq.apic_state import APICS
from hw.spec.apic import DELIVERY_INIT

pytestmark = pytest.mark.usefixtures("board")


def test_first_core_begins_at_the_image() -> None:
    delivery.deliver(0, DELIVERY_INIT, 0)
    with pytest.raises(CoreReset):
        bare_image(bytes.fromhex("faf4"), 0x10000)(0)
    assert ram.read(0x10000, 2) == bytes.fromhex("faf4")
    assert CORES[0].rip == 0x10000


def test_another_core_begins_at_its_page() -> None:
    APICS[1].startup_vector = 0x12
    delivery.deliver(1, DELIVERY_INIT, 0)
    with pytest.raises(CoreReset):
        bare_image(b"", 0x10000)(1)
    assert (CORES[1].rip, CORES[1].cs_selector) == (0x12000, 0x1200)
