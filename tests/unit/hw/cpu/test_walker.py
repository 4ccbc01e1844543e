"""The page walk against a model: every combination of entry bits, page sizes, accesses."""

import itertools
import random

import pytest

from hw import ram
from hw.cpu import walker
from hw.cpu.page_rules import RULE_NX, RULE_WP
from hw.cpu.threaded import load
from hw.cpu.user_copy import FAULT, translate
from hw.spec.memory_map import MIB
from hw.spec.paging import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_USER,
    ACCESS_WRITE,
    FAULT_PRESENT,
    FAULT_RESERVED,
    PTE_ACCESSED,
    PTE_DIRTY,
    PTE_LARGE,
    PTE_NO_EXECUTE,
    PTE_PRESENT,
    PTE_USER,
    PTE_WRITABLE,
)
from tests.differential.guest import Guest

pytestmark = pytest.mark.feature("D5")

_ROOT = 40 * MIB
_TABLES = [_ROOT + 4096 * k for k in range(4)]
_VA = 0x1234_5678_9ABC
_ALL = PTE_PRESENT | PTE_WRITABLE | PTE_USER
_KINDS = [ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH]
_ACCESSES = [kind | user for kind in _KINDS for user in (0, ACCESS_USER)]


def _build(bits: list[int], frame: int, last: int) -> list[tuple[int, int]]:
    """Write an entry a level down to ``last`` (3: a 4 KiB page); table and index of each."""
    places = []
    for level in range(last + 1):
        index = _VA >> (39 - 9 * level) & 511
        target = frame if level == last else _TABLES[level + 1]
        ram.words(_TABLES[level], 512)[index] = target | bits[level]
        places.append((_TABLES[level], index))
    return places


def _model(bits: list[int], access: int, wp: int) -> int | None:
    """Error code, or None where the access is allowed."""
    if not all(b & PTE_PRESENT for b in bits):
        return access
    user, write, fetch = access & ACCESS_USER, access & ACCESS_WRITE, access & ACCESS_FETCH
    denied = user and not all(b & PTE_USER for b in bits)
    denied |= write and (user or wp) and not all(b & PTE_WRITABLE for b in bits)
    denied |= fetch and any(b & PTE_NO_EXECUTE for b in bits)
    return access | FAULT_PRESENT if denied else None


@pytest.mark.parametrize("last", [1, 2, 3])
def test_permissions_at_every_level(guest: Guest, last: int) -> None:
    assert guest.files
    rng = random.Random(last)
    choices = [_ALL, _ALL & ~PTE_USER, _ALL & ~PTE_WRITABLE, _ALL | PTE_NO_EXECUTE, PTE_PRESENT, 0]
    shift = 39 - 9 * last
    frame = 1 << 30 if shift == 30 else 32 * MIB
    combinations = list(itertools.product(choices, repeat=last + 1))
    for combination in rng.sample(combinations, min(len(combinations), 150)):
        bits = list(combination)
        if last < 3:
            bits[last] |= PTE_LARGE
        for access, wp in itertools.product(_ACCESSES, (0, 1)):
            places = _build(bits, frame, last)
            want = _model(bits, access, wp)
            found = load().walk(_ROOT, _VA, access, RULE_NX | wp)
            plain = walker.walk(_ROOT, _VA, access, RULE_NX | wp)
            assert found == plain or found | walker.WALK_WRITABLE == plain
            if want is not None:
                assert found == walker.WALK_FAULT | want
                continue
            inside = (1 << shift) - 1
            assert found & ~0xFFF == (frame | _VA & inside) & ~0xFFF
            leaf = ram.words(places[-1][0], 512)[places[-1][1]]
            assert leaf & PTE_ACCESSED
            assert bool(leaf & PTE_DIRTY) == bool(access & ACCESS_WRITE)
            for table, index in places[:-1]:
                assert ram.words(table, 512)[index] & PTE_ACCESSED


def _error_code(letters: str, access: int, wp: int) -> int | None:
    """What a page's letters (of "PWUN") mean for an access, as APM vol. 2, 5.6 and 8.4.2 have it.

    Bit 0 protection violation, 1 write, 2 user mode, 4 instruction fetch. None: allowed.
    """
    kind = {ACCESS_READ: 0, ACCESS_WRITE: 1 << 1, ACCESS_FETCH: 1 << 4}[access & ~ACCESS_USER]
    code = kind | (1 << 2 if access & ACCESS_USER else 0)
    if "P" not in letters:
        return code
    by_user = bool(access & ACCESS_USER)
    rules = {
        "user mode, supervisor page": by_user and "U" not in letters,
        "user mode writes a read-only page": by_user and kind == 2 and "W" not in letters,
        "supervisor does, and CR0.WP": not by_user and kind == 2 and "W" not in letters and wp,
        "fetch from a no-execute page": kind == 16 and "N" in letters,
    }
    return code | 1 if any(rules.values()) else None


_LETTERS = {"P": PTE_PRESENT, "W": PTE_WRITABLE, "U": PTE_USER, "N": PTE_NO_EXECUTE}
_PAGES = ["".join(c) for n in range(5) for c in itertools.combinations("PWUN", n)]


@pytest.mark.feature("D6")
@pytest.mark.parametrize("wp", [0, 1])
@pytest.mark.parametrize("letters", _PAGES, ids=lambda letters: letters or "none")
@pytest.mark.parametrize("level", [0, 3])
def test_access_matrix(guest: Guest, letters: str, wp: int, level: int) -> None:
    """{read, write, fetch} x {user, kernel} x {P, W, U, NX, WP}, at the first and last level."""
    assert guest.files
    bits = [_ALL] * 4
    bits[level] = sum(_LETTERS[letter] for letter in letters)
    for access in _ACCESSES:
        _build(bits, 32 * MIB, 3)
        found = load().walk(_ROOT, _VA, access, RULE_NX | wp)
        code = _error_code(letters, access, wp)
        if code is None:
            assert found & ~0xFFF == 32 * MIB, (access, hex(found))
        else:
            assert found == walker.WALK_FAULT | code, (access, hex(found))


@pytest.mark.parametrize(
    ("level", "bit"), [(0, 7), (0, 45), (1, 40), (1, 51), (2, 44), (3, 41), (3, 50)]
)
def test_reserved_bits(guest: Guest, level: int, bit: int) -> None:
    assert guest.files
    bits = [_ALL] * 4
    bits[level] |= 1 << bit
    _build(bits, 32 * MIB, 3)
    found = translate(_ROOT, _VA, ACCESS_USER)
    assert found == FAULT | ACCESS_USER | FAULT_PRESENT | FAULT_RESERVED


@pytest.mark.parametrize(("last", "bit"), [(2, 13), (2, 20), (1, 21), (1, 29)])
def test_reserved_bits_of_large_pages(guest: Guest, last: int, bit: int) -> None:
    assert guest.files
    bits = [_ALL] * last + [_ALL | PTE_LARGE | 1 << bit]
    _build(bits, 0, last)
    assert translate(_ROOT, _VA) & FAULT_RESERVED


def test_no_execute_bit_is_reserved_without_nxe(guest: Guest) -> None:
    assert guest.files
    _build([_ALL, _ALL, _ALL, _ALL | PTE_NO_EXECUTE], 32 * MIB, 3)
    want = walker.WALK_FAULT | FAULT_PRESENT | FAULT_RESERVED
    assert load().walk(_ROOT, _VA, ACCESS_READ, RULE_WP) == want
    assert load().walk(_ROOT, _VA, ACCESS_FETCH, RULE_WP) == want


def test_table_outside_memory_is_a_fault_not_a_crash(guest: Guest) -> None:
    assert guest.files
    _build([_ALL, _ALL, _ALL, _ALL], 32 * MIB, 3)
    ram.words(_TABLES[1], 512)[_VA >> 30 & 511] = 1 << 38 | _ALL
    assert translate(_ROOT, _VA) & FAULT
