"""Exception vectors against the header of Linux's KVM."""

from hw.spec import vectors
from tests.support import host_headers

NAMES = {
    "DIVIDE_ERROR": "DE", "DEBUG": "DB", "BREAKPOINT": "BP", "OVERFLOW": "OF", "BOUND_RANGE": "BR",
    "INVALID_OPCODE": "UD", "DEVICE_NOT_AVAILABLE": "NM", "DOUBLE_FAULT": "DF",
    "INVALID_TSS": "TS", "SEGMENT_NOT_PRESENT": "NP", "STACK": "SS", "GENERAL_PROTECTION": "GP",
    "PAGE_FAULT": "PF", "X87": "MF", "ALIGNMENT_CHECK": "AC", "MACHINE_CHECK": "MC", "SIMD": "XM",
}  # fmt: skip


def test_numbers_are_those_of_linux():
    theirs = host_headers.named_values(["asm/kvm.h"], [f"{name}_VECTOR" for name in NAMES.values()])
    assert [getattr(vectors, name) for name in NAMES] == list(theirs.values())


def test_error_codes_are_pushed_by_these_alone():
    pushing = {"DF", "TS", "NP", "SS", "GP", "PF", "AC"}  # APM vol. 2, table 8-1
    ours = {short for name, short in NAMES.items()
            if getattr(vectors, name) in vectors.WITH_ERROR_CODE}  # fmt: skip
    assert ours == pushing
    assert len(vectors.WITH_ERROR_CODE) == len(pushing)


def test_interrupts_start_above_all_exceptions():
    assert max(getattr(vectors, name) for name in NAMES) < vectors.FIRST_FREE == 32
    assert vectors.NMI == 2
