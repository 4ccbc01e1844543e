"""The board's registers: whole, aligned, none on top of another, and a line of their own."""

from hw.spec import board_registers as spec
from hw.spec.apic import IO_APIC_LINES
from hw.spec.hpet import TIMER_ROUTE_CAPABILITIES

#: Bytes of each register, by its description.
WIDTHS = {"POWER_OFF": 4, "DEBUG_CONSOLE": 1, "HOST_SIGNALS": 4, "HOST_SIGNALS_ENABLE": 4,
          "WALL_CLOCK_NS": 8}  # fmt: skip


def test_registers_are_aligned_and_apart():
    taken: set[int] = set()
    for name, width in WIDTHS.items():
        at = getattr(spec, name)
        assert at % width == 0, name
        own = set(range(at, at + width))
        assert not own & taken, name
        taken |= own
    assert max(taken) < spec.BOARD_REGISTERS_SIZE


def test_every_register_is_known_here():
    named = {n for n, v in vars(spec).items() if n.isupper() and isinstance(v, int)}
    assert named - set(WIDTHS) == {"BOARD_REGISTERS_SIZE", "HOST_SIGNALS_LINE"}


def test_line_is_there_and_not_one_of_the_hpets():
    assert spec.HOST_SIGNALS_LINE < IO_APIC_LINES
    assert not TIMER_ROUTE_CAPABILITIES >> spec.HOST_SIGNALS_LINE & 1
