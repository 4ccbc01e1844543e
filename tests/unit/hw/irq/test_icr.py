"""One core sends to others: shorthands and destinations."""

import pytest

from hw.irq.local_apic import LOCAL_APICS
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("B5")]


def command(core: int, low: int, destination: int = 0) -> None:
    LOCAL_APICS[core].write(spec.LAPIC_ICR_HIGH, destination << 24)
    LOCAL_APICS[core].write(spec.LAPIC_ICR_LOW, low)


@pytest.mark.parametrize(
    ("shorthand", "reached"),
    [
        (spec.SHORTHAND_SELF, {1}),
        (spec.SHORTHAND_ALL, {0, 1, 2, 3}),
        (spec.SHORTHAND_OTHERS, {0, 2, 3}),
        (spec.SHORTHAND_NONE, {2}),
    ],
)
def test_shorthands(shorthand: int, reached: set[int]):
    for core in range(4):
        enabled_apic(core)
    command(1, spec.ICR_SHORTHAND.put(0x44, shorthand), destination=2)
    assert {core for core in range(4) if accepted(core) == [0x44]} == reached


def test_physical_broadcast_and_absent_destination():
    for core in range(4):
        enabled_apic(core)
    command(0, 0x44, destination=0xFF)
    assert all(accepted(core) == [0x44] for core in range(4))
    command(0, 0x44, destination=77)
    assert not any(accepted(core) for core in range(4))


@pytest.mark.parametrize(("model", "destination"), [(0xFFFF_FFFF, 0b0110), (0x0FFF_FFFF, 0x16)])
def test_logical_destinations(model: int, destination: int):
    for core in range(4):
        apic = enabled_apic(core)
        apic.write(spec.LAPIC_DFR, model)
        flat = model == 0xFFFF_FFFF
        apic.write(spec.LAPIC_LDR, (1 << core if flat else 0x10 | 1 << core) << 24)
    command(0, spec.DEST_LOGICAL | 0x44, destination=destination)
    assert [core for core in range(4) if accepted(core)] == [1, 2]


def test_lowest_priority_goes_to_the_least_busy_core():
    for core in range(4):
        apic = enabled_apic(core)
        apic.write(spec.LAPIC_LDR, 1 << (24 + core))
        apic.write(spec.LAPIC_TPR, (0x30, 0x20, 0x10, 0x20)[core])
    low = spec.DELIVERY_MODE.put(spec.DEST_LOGICAL | 0x44, spec.DELIVERY_LOWEST)
    command(0, low, destination=0x0F)
    assert [core for core in range(4) if accepted(core)] == [2]
