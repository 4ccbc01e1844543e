"""HPET: the capabilities word cut by hand, and registers that do not overlap."""

from hw.spec import hpet
from hw.spec.apic import IO_APIC_LINES


def test_capabilities_word_field_by_field():
    """IA-PC HPET 1.0a, 2.3.4."""
    word = hpet.HPET_CAPABILITIES_VALUE.to_bytes(8, "little")
    assert word[0] == 1  # revision, never 0
    assert word[1] & 0x1F == hpet.HPET_TIMERS - 1
    assert word[1] & 1 << 5  # counter is 64 bits wide
    assert word[2:4] == b"\x86\x80"
    assert int.from_bytes(word[4:], "little") == hpet.HPET_PERIOD_FS
    assert 0 < hpet.HPET_PERIOD_FS <= 0x05F5_E100  # at most 100 ns
    assert hpet.HPET_PERIOD_NS * 10**6 == hpet.HPET_PERIOD_FS
    assert hpet.HPET_TIMERS >= 3


def test_timers_follow_each_other_inside_the_block():
    assert (hpet.HPET_TIMER_BASE, hpet.HPET_TIMER_STRIDE) == (0x100, 0x20)
    offsets = (hpet.HPET_TIMER_CONFIG, hpet.HPET_TIMER_COMPARATOR, hpet.HPET_TIMER_FSB)
    assert offsets == (0, 8, 16)
    last = hpet.HPET_TIMER_BASE + hpet.HPET_TIMERS * hpet.HPET_TIMER_STRIDE
    assert hpet.HPET_COUNTER < hpet.HPET_TIMER_BASE < last <= hpet.HPET_SIZE


def test_bits_of_a_timers_configuration_do_not_overlap():
    bits = [
        hpet.TIMER_LEVEL, hpet.TIMER_INTERRUPT_ENABLE, hpet.TIMER_PERIODIC, hpet.TIMER_CAN_PERIODIC,
        hpet.TIMER_64BIT, hpet.TIMER_SET_VALUE, hpet.TIMER_32BIT_MODE, hpet.TIMER_ROUTE.mask,
    ]  # fmt: skip
    assert sum(bits) == 0x3F7E  # 2.3.8: all but reserved bits 0 and 7, and FSB in 14 and 15


def test_timers_reach_lines_that_are_there():
    lines = [n for n in range(32) if hpet.TIMER_ROUTE_CAPABILITIES >> n & 1]
    assert lines == [20, 21, 22, 23]
    assert all(n < IO_APIC_LINES and hpet.TIMER_ROUTE.put(0, n) for n in lines)
