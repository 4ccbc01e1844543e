"""The local timer in its three modes, on the real clock."""

import time

import pytest

from hw import clock
from hw.irq import apic_timer
from hw.irq.apic_timer import DEADLINES, timer_poll
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("C5")]
MS = 1_000_000


def set_mode(mode: int, vector: int = 0x40, divide: int = 0xB) -> None:
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_TIMER_DIVIDE, divide)
    apic.write(spec.LAPIC_LVT_TIMER, spec.LVT_TIMER_MODE.put(vector, mode))


def start(count: int) -> None:
    enabled_apic(0).write(spec.LAPIC_TIMER_INITIAL, count)


def test_one_shot_fires_once_at_its_time():
    set_mode(spec.TIMER_ONE_SHOT)
    began = clock.tsc()
    start(5 * MS)
    assert not timer_poll(0)
    deadline = DEADLINES[0].tsc.value
    assert 5 * MS <= clock.ns_of(deadline - began) < 6 * MS
    assert 0 < enabled_apic(0).read(spec.LAPIC_TIMER_CURRENT) <= 5 * MS
    time.sleep(0.006)
    assert timer_poll(0)
    assert accepted(0) == [0x40]
    assert DEADLINES[0].tsc.value == clock.NEVER
    assert not timer_poll(0)
    assert enabled_apic(0).read(spec.LAPIC_TIMER_CURRENT) == 0


def test_missed_periods_are_one_tick_and_the_rhythm_stays():
    set_mode(spec.TIMER_PERIODIC)
    start(2 * MS)
    first = DEADLINES[0].tsc.value
    time.sleep(0.011)
    assert timer_poll(0)
    assert accepted(0) == [0x40]
    following = DEADLINES[0].tsc.value
    assert following > clock.tsc() - clock.counts_of(MS)
    periods = clock.ns_of(following - first) / (2 * MS)
    assert round(periods) >= 5
    assert abs(periods - round(periods)) < 0.01


@pytest.mark.parametrize(("divide", "factor"), [(0xB, 1), (0x0, 2), (0x3, 16), (0xA, 128)])
def test_divider(divide: int, factor: int):
    set_mode(spec.TIMER_ONE_SHOT, divide=divide)
    began = clock.tsc()
    start(MS)
    wait_ns = clock.ns_of(DEADLINES[0].tsc.value - began)
    assert factor * MS <= wait_ns < factor * MS + MS


def test_tsc_deadline():
    set_mode(spec.TIMER_TSC_DEADLINE)
    start(5 * MS)
    assert DEADLINES[0].tsc.value == clock.NEVER, "the initial count means nothing here"
    soon = clock.tsc() + 1000
    apic_timer.set_deadline(0, soon)
    assert apic_timer.deadline(0) == soon
    time.sleep(0.001)
    assert timer_poll(0)
    assert apic_timer.deadline(0) == 0
    assert accepted(0) == [0x40]
    apic_timer.set_deadline(0, clock.tsc() + 1000)
    apic_timer.set_deadline(0, 0)
    time.sleep(0.001)
    assert not timer_poll(0)


def test_masked_timer_runs_but_interrupts_nobody():
    set_mode(spec.TIMER_ONE_SHOT, vector=spec.LVT_MASKED | 0x40)
    start(1)
    time.sleep(0.001)
    assert timer_poll(0)
    assert accepted(0) == []


def test_zero_count_and_a_new_mode_stop_it():
    set_mode(spec.TIMER_PERIODIC)
    start(MS)
    start(0)
    assert DEADLINES[0].tsc.value == clock.NEVER
    start(MS)
    set_mode(spec.TIMER_TSC_DEADLINE)
    assert DEADLINES[0].tsc.value == clock.NEVER


def test_the_interrupt_is_the_cores_own():
    set_mode(spec.TIMER_ONE_SHOT)
    enabled_apic(1)
    start(1)
    time.sleep(0.001)
    assert not timer_poll(1)
    assert timer_poll(0)
    assert accepted(1) == []
    assert accepted(0) == [0x40]


@pytest.mark.parametrize(
    "mode", [spec.TIMER_ONE_SHOT, spec.TIMER_PERIODIC, spec.TIMER_TSC_DEADLINE]
)
def test_nothing_comes_while_the_apic_is_software_disabled(mode: int):
    """SVR bit 8 at 0 masks all entries, and refuses to have them unmasked (SDM 11.4.7.2)."""
    set_mode(mode)
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_SVR, 0xFF)
    assert apic.read(spec.LAPIC_LVT_TIMER) & spec.LVT_MASKED
    apic.write(spec.LAPIC_LVT_TIMER, spec.LVT_TIMER_MODE.put(0x40, mode))
    assert apic.read(spec.LAPIC_LVT_TIMER) & spec.LVT_MASKED
    start(1000)
    apic_timer.set_deadline(0, clock.tsc() + 1000)
    time.sleep(0.001)
    assert timer_poll(0)
    assert accepted(0) == []
