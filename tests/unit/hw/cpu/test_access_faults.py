"""What is noted of an access that goes wrong, and which fault outranks which."""

import pytest

from hw.cpu.access_faults import (
    check_alignment,
    check_canonical,
    check_span,
    exception,
    page_fault,
)
from hw.cpu.exits import EXIT_EXCEPTION, EXIT_NON_CANONICAL, EXIT_PAGE_FAULT
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.state import CpuState
from hw.spec.vectors import ALIGNMENT_CHECK


def test_a_page_fault_keeps_address_and_code():
    s = CpuState()
    page_fault(s, 0x1234, 6)
    assert (s.fault, s.exit_reason, s.cr2, s.exit_error) == (1, EXIT_PAGE_FAULT, 0x1234, 6)


def test_an_exception_keeps_vector_and_code():
    s = CpuState()
    exception(s, 13, 8)
    assert (s.fault, s.exit_reason, s.exit_vector, s.exit_error) == (1, EXIT_EXCEPTION, 13, 8)


@pytest.mark.parametrize(
    ("address", "is_good"),
    [(0, True), ((1 << 47) - 1, True), (1 << 47, False), ((1 << 64) - (1 << 47), True),
     ((1 << 64) - (1 << 47) - 1, False), ((1 << 64) - 1, True), (1 << 63, False)],
)  # fmt: skip
def test_canonical_addresses(address: int, is_good: bool):
    s = CpuState()
    check_canonical(s, address)
    assert (s.fault, s.exit_reason) == ((0, 0) if is_good else (1, EXIT_NON_CANONICAL))


def test_only_an_access_that_crosses_a_page_looks_at_its_last_byte():
    last_page = (1 << 47) - 4096
    for offset, faults in ((4088, 0), (4089, 1), (4095, 1)):
        s = CpuState()
        check_span(s, last_page + offset, 8)
        assert s.fault == faults


@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
def test_alignment_is_checked_where_it_is_asked_for_and_comes_last(size: int):
    for address in range(0x1000, 0x1020):
        s = CpuState()
        check_alignment(s, address, size)
        assert s.fault == 0
        s.walk_rules = RULE_ALIGNED
        check_alignment(s, address, size)
        assert s.fault == (address % size != 0)
        assert s.exit_vector == (ALIGNMENT_CHECK if s.fault else 0)
    s = CpuState()
    s.walk_rules = RULE_ALIGNED
    page_fault(s, 0x1001, 4)
    check_alignment(s, 0x1001, 8)
    assert s.exit_reason == EXIT_PAGE_FAULT
