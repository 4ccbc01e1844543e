"""Two-level and PAE walks: native and plain, page sizes, accessed and dirty bits, reserved bits."""

import pytest

from hw import ram
from hw.cpu import walker
from hw.cpu.legacy_walk import in_ram
from hw.cpu.page_rules import RULE_NX, RULE_PAE, RULE_PSE, RULE_TWO_LEVELS, RULE_WP
from hw.cpu.threaded import load
from hw.cpu.walker import WALK_FAULT, WALK_WRITABLE
from hw.spec.memory_map import GIB, HIGH_RAM_BASE, LOW_RAM_LIMIT
from hw.spec.paging import ACCESS_READ, ACCESS_USER, ACCESS_WRITE
from tests.differential.guest import Guest

_ROOT = 0x10_0000


def _put(address: int, value: int, size: int) -> None:
    ram.write(address, value.to_bytes(size, "little"))


def _walk(address: int, access: int, rules: int) -> int:
    found: int = load().walk(_ROOT, address, access, rules)
    plain = walker.walk(_ROOT, address, access, rules)
    assert found & ~WALK_WRITABLE == plain & ~WALK_WRITABLE
    return found


@pytest.mark.usefixtures("guest")
def test_two_levels() -> None:
    _put(_ROOT + 4 * 3, 0x10_1007, 4)
    _put(0x10_1000 + 4 * 5, 0x20_0003, 4)
    rules = RULE_TWO_LEVELS | RULE_WP
    assert _walk(0x00C0_5123, ACCESS_READ, rules) & ~0xFFF == 0x20_0000
    assert ram.read(0x10_1014, 1)[0] & 0x60 == 0x20
    assert _walk(0x00C0_5123, ACCESS_WRITE, rules) & WALK_WRITABLE
    assert ram.read(0x10_1014, 1)[0] & 0x60 == 0x60
    assert _walk(0x00C0_5123, ACCESS_USER, rules) == WALK_FAULT | 5
    assert _walk(0x00C0_6000, ACCESS_WRITE, rules) == WALK_FAULT | 2


@pytest.mark.usefixtures("guest")
def test_pages_of_4_mib(guest: Guest) -> None:
    assert guest.files
    _put(_ROOT, 0x00C0_2087, 4)
    assert _walk(0x12_3456, ACCESS_READ, RULE_TWO_LEVELS | RULE_PSE) & ~0xFFF == 0x1_00D2_3000
    assert _walk(0x12_3456, ACCESS_READ, RULE_TWO_LEVELS) == WALK_FAULT
    _put(_ROOT, 0x00E0_0087, 4)
    assert _walk(0x12_3456, ACCESS_READ, RULE_TWO_LEVELS | RULE_PSE) == WALK_FAULT | 9


@pytest.mark.usefixtures("guest")
def test_pae() -> None:
    _put(_ROOT + 8, 0x10_1001, 8)
    _put(0x10_1000, 0x20_0087, 8)
    _put(0x10_1008, 0x10_2007, 8)
    _put(0x10_2000, 1 << 63 | 0x30_0007, 8)
    rules = RULE_PAE | RULE_NX
    assert _walk(0x4012_3000, ACCESS_USER, rules) & ~0xFFF == 0x32_3000
    assert _walk(0x4020_0000, ACCESS_READ, rules) & ~0xFFF == 0x30_0000
    assert _walk(0x4020_0000, ACCESS_READ, RULE_PAE) == WALK_FAULT | 9
    _put(_ROOT + 8, 0x10_1003, 8)
    assert _walk(0x4012_3000, ACCESS_READ, rules) == WALK_FAULT | 9
    assert _walk(0, ACCESS_READ, rules) == WALK_FAULT


def test_devices_stand_in_a_hole_of_ram() -> None:
    """A machine whose RAM goes on above the hole has none inside it."""
    files = ram.create(4 * GIB)
    try:
        assert in_ram(LOW_RAM_LIMIT - 1)
        assert not in_ram(LOW_RAM_LIMIT)
        assert not in_ram(HIGH_RAM_BASE - 1)
        assert in_ram(HIGH_RAM_BASE)
        end = HIGH_RAM_BASE + 4 * GIB - LOW_RAM_LIMIT
        assert in_ram(end - 1)
        assert not in_ram(end)
    finally:
        ram.close(files)
