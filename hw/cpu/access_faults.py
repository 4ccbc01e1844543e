"""What is wrong with an access to guest memory, noted in the core's state.

Nothing is raised: the access returns, and the instruction ends (``control.leave_fault``).

Spec: AMD64 APM vol. 2, 5.3.1 (canonical form), 8.2. State: CpuState. Locks: none.
Context: native code, oracle.
"""

from hw.cpu.exits import EXIT_EXCEPTION, EXIT_NON_CANONICAL, EXIT_PAGE_FAULT
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.primitives import sext, u64
from hw.cpu.state import CpuState
from hw.spec.vectors import ALIGNMENT_CHECK


def page_fault(s: CpuState, address: int, error: int) -> None:
    """Note a page fault; the access returns and the instruction ends."""
    s.fault = 1
    s.exit_reason = EXIT_PAGE_FAULT
    s.cr2 = address
    s.exit_error = error


def exception(s: CpuState, vector: int, error: int) -> None:
    """Note an exception of the instruction at hand."""
    s.fault = 1
    s.exit_reason = EXIT_EXCEPTION
    s.exit_vector = vector
    s.exit_error = error


def check_canonical(s: CpuState, address: int) -> None:
    """Note the exception of an address that is not canonical."""
    if sext(address, 48) != address:
        s.fault = 1
        s.exit_reason = EXIT_NON_CANONICAL


def check_span(s: CpuState, address: int, size: int) -> None:
    """Check the last byte's address first: it outranks a page fault of the first."""
    if (address & 0xFFF) + size > 4096:
        check_canonical(s, u64(address + size - 1))


def check_alignment(s: CpuState, address: int, size: int) -> None:
    """Note #AC where CR0.AM and RFLAGS.AC ask for it; a page fault outranks it."""
    misaligned = address & (size - 1) != 0 and s.walk_rules & RULE_ALIGNED != 0
    if misaligned and s.fault == 0:
        exception(s, ALIGNMENT_CHECK, 0)
