"""The HPET's counter and comparators."""

import time

import pytest

from hw import clock
from hw.bus import mmio
from hw.irq import hpet, io_apic
from hw.spec import hpet as spec
from hw.spec.apic import IO_APIC_REG_REDIRECTION, REDIRECT_LEVEL
from hw.spec.memory_map import HPET_BASE, IO_APIC_BASE
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("C1")]
LINE = 20


def read(offset: int, size: int = 8) -> int:
    return mmio.read(0, HPET_BASE + offset, size)


def write(offset: int, value: int, size: int = 8) -> None:
    mmio.write(0, HPET_BASE + offset, size, value)


def timer(index: int, offset: int) -> int:
    return spec.HPET_TIMER_BASE + index * spec.HPET_TIMER_STRIDE + offset


def route(low: int = 0x70) -> None:
    enabled_apic(0)
    for register, value in ((1, 0), (0, low)):
        mmio.write(0, IO_APIC_BASE, 4, IO_APIC_REG_REDIRECTION + 2 * LINE + register)
        mmio.write(0, IO_APIC_BASE + 0x10, 4, value)


def arm(config: int, comparator: int) -> None:
    write(timer(0, spec.HPET_TIMER_CONFIG), spec.TIMER_ROUTE.put(config, LINE))
    write(timer(0, spec.HPET_TIMER_COMPARATOR), comparator)


def test_capabilities():
    word = read(spec.HPET_CAPABILITIES)
    assert word >> 32 == spec.HPET_PERIOD_FS
    assert (word >> 8 & 0x1F) + 1 == spec.HPET_TIMERS
    assert read(spec.HPET_CAPABILITIES + 4, 4) == spec.HPET_PERIOD_FS
    assert read(timer(2, spec.HPET_TIMER_CONFIG)) >> 32 == spec.TIMER_ROUTE_CAPABILITIES


def test_counter_stands_until_enabled_then_follows_the_clock():
    write(spec.HPET_COUNTER, 1000)
    time.sleep(0.001)
    assert read(spec.HPET_COUNTER) == 1000
    began = clock.now_ns()
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    time.sleep(0.01)
    counted = (read(spec.HPET_COUNTER) - 1000) * spec.HPET_PERIOD_NS
    passed = clock.now_ns() - began
    assert 10_000_000 <= counted <= passed
    write(spec.HPET_CONFIG, 0)
    assert read(spec.HPET_COUNTER) == read(spec.HPET_COUNTER)


def test_one_shot():
    route()
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    arm(spec.TIMER_INTERRUPT_ENABLE, read(spec.HPET_COUNTER) + 5_000_000)
    due = hpet.next_due_ns()
    assert due is not None
    assert 0 < due <= 50_000_000
    hpet.fire_due()
    assert accepted(0) == []
    time.sleep(0.051)
    hpet.fire_due()
    assert accepted(0) == [0x70]
    assert hpet.next_due_ns() is None


def test_periodic_keeps_its_rhythm_and_missed_periods_are_one():
    route()
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    first = read(spec.HPET_COUNTER) + 100_000
    arm(spec.TIMER_INTERRUPT_ENABLE | spec.TIMER_PERIODIC | spec.TIMER_SET_VALUE, first)
    write(timer(0, spec.HPET_TIMER_COMPARATOR), 100_000)
    time.sleep(0.0055)
    hpet.fire_due()
    assert accepted(0) == [0x70]
    assert (read(timer(0, spec.HPET_TIMER_COMPARATOR)) - first) % 100_000 == 0
    due = hpet.next_due_ns()
    assert due is not None
    assert due <= 1_000_000


def test_level_timer_holds_its_line_until_the_status_is_cleared():
    route(REDIRECT_LEVEL | 0x70)
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    arm(spec.TIMER_INTERRUPT_ENABLE | spec.TIMER_LEVEL, read(spec.HPET_COUNTER) + 500_000)
    time.sleep(0.006)
    hpet.fire_due()
    assert io_apic.LINES[LINE].sources
    assert read(spec.HPET_STATUS) == 1
    write(spec.HPET_STATUS, 1)
    assert not io_apic.LINES[LINE].sources
    assert read(spec.HPET_STATUS) == 0


def test_32_bit_timer_matches_the_low_half():
    route()
    write(spec.HPET_COUNTER, 0x5_FF00_0000)
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    arm(spec.TIMER_INTERRUPT_ENABLE | spec.TIMER_32BIT_MODE, 0x100_0000)
    due = hpet.next_due_ns()
    assert due is not None
    assert due <= 0x200_0000 * spec.HPET_PERIOD_NS


def test_disarmed_while_interrupts_are_off():
    write(spec.HPET_CONFIG, spec.CONFIG_ENABLE)
    arm(0, read(spec.HPET_COUNTER) + 1)
    assert hpet.next_due_ns() is None
