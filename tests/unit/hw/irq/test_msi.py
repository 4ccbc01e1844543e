"""Messages decoded."""

import pytest

from hw.irq import msi
from hw.irq.party import PARTIES
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H2")]


def test_range():
    assert [msi.is_message(a) for a in (0xFEDF_FFFF, 0xFEE0_0000, 0xFEEF_FFFF, 0xFEF0_0000)] == [
        False, True, True, False
    ]  # fmt: skip


@pytest.mark.parametrize("apic_id", [3, 0xFE, 0x100, 0x7FFF])
def test_destination(apic_id: int):
    PARTIES[3].apic_id = apic_id
    enabled_apic(3)
    assert msi.send(spec.msi_address(apic_id), 0x41)
    assert accepted(3) == [0x41]


def test_nmi_and_nobody():
    assert msi.send(spec.msi_address(1), spec.DELIVERY_MODE.put(0, spec.DELIVERY_NMI))
    assert accepted(1) == [spec.NMI_VECTOR]
    assert not msi.send(spec.msi_address(99), 0x41)
