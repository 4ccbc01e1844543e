"""Lines become interrupts: edge, level with EOI, masks, registers."""

import pytest

from hw.bus import mmio
from hw.irq import io_apic
from hw.irq.local_apic import LOCAL_APICS
from hw.spec import apic as spec
from hw.spec.memory_map import IO_APIC_BASE
from tests.support.board import accepted, enabled_apic

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("B6")]


def write(register: int, value: int) -> None:
    mmio.write(0, IO_APIC_BASE + spec.IO_APIC_SELECT, 4, register)
    mmio.write(0, IO_APIC_BASE + spec.IO_APIC_WINDOW, 4, value)


def read(register: int) -> int:
    mmio.write(0, IO_APIC_BASE + spec.IO_APIC_SELECT, 4, register)
    return mmio.read(0, IO_APIC_BASE + spec.IO_APIC_WINDOW, 4)


def redirect(line: int, low: int, core: int) -> None:
    enabled_apic(core)
    write(spec.IO_APIC_REG_REDIRECTION + 2 * line + 1, core << 24)
    write(spec.IO_APIC_REG_REDIRECTION + 2 * line, low)


def test_version_tells_the_number_of_lines():
    assert read(spec.IO_APIC_REG_VERSION) == (spec.IO_APIC_LINES - 1) << 16 | spec.IO_APIC_VERSION
    assert read(spec.IO_APIC_REG_REDIRECTION + 2 * spec.IO_APIC_LINES) == 0


def test_edge_line_fires_on_its_rise_only():
    redirect(4, 0x44, 2)
    io_apic.set_line(4, 0, high=True)
    assert accepted(2) == [0x44]
    io_apic.set_line(4, 0, high=True)
    io_apic.set_line(4, 0, high=False)
    assert accepted(2) == []
    io_apic.pulse(4)
    assert accepted(2) == [0x44]


def test_masked_line_is_silent_and_lines_start_masked():
    enabled_apic(0)
    io_apic.pulse(3)
    redirect(4, spec.REDIRECT_MASKED | 0x44, 0)
    io_apic.pulse(4)
    assert accepted(0) == []


def test_level_line_fires_again_until_its_last_source_is_low():
    redirect(5, spec.REDIRECT_LEVEL | 0x55, 1)
    apic = LOCAL_APICS[1]
    io_apic.set_line(5, 0, high=True)
    io_apic.set_line(5, 7, high=True)
    assert apic.accept() == 0x55
    entry = spec.IO_APIC_REG_REDIRECTION + 10
    assert read(entry) & spec.REDIRECT_REMOTE_IRR
    assert apic.accept() is None, "one interrupt until its EOI"
    io_apic.set_line(5, 0, high=False)
    apic.eoi()
    assert apic.accept() == 0x55, "source 7 still holds it"
    io_apic.set_line(5, 7, high=False)
    apic.eoi()
    assert apic.accept() is None
    assert not read(entry) & spec.REDIRECT_REMOTE_IRR


def test_level_line_that_is_high_fires_when_unmasked():
    enabled_apic(0)
    io_apic.set_line(6, 0, high=True)
    redirect(6, spec.REDIRECT_LEVEL | 0x66, 0)
    assert LOCAL_APICS[0].accept() == 0x66


def test_eoi_register_ends_a_level_interrupt():
    redirect(5, spec.REDIRECT_LEVEL | 0x55, 1)
    io_apic.set_line(5, 0, high=True)
    io_apic.set_line(5, 0, high=False)
    mmio.write(0, IO_APIC_BASE + spec.IO_APIC_EOI, 4, 0x55)
    assert not read(spec.IO_APIC_REG_REDIRECTION + 10) & spec.REDIRECT_REMOTE_IRR


def test_read_only_bits_stay():
    redirect(7, 0xFFFF, 0)
    assert read(spec.IO_APIC_REG_REDIRECTION + 14) == 0xFFFF & ~(
        spec.REDIRECT_PENDING | spec.REDIRECT_REMOTE_IRR
    )
