"""Whole machines that run bare images: cores come up by INIT and STARTUP and take interrupts."""

import subprocess
import sys

import pytest

from tests.support.bare_smp import IST1, PAGE, RECORD_FORMAT, STRIDE

pytestmark = pytest.mark.timeout(90)


def _run(cores: int, scenario: str) -> tuple[int, bytes]:
    command = [sys.executable, "-m", "tests.support.bare_smp", str(cores), scenario]
    done = subprocess.run(command, capture_output=True, timeout=80, check=False)
    return done.returncode, done.stderr


@pytest.mark.feature("B1", "B2", "FIX-3")
def test_all_cores_double_fault_at_once_on_stacks_of_their_own() -> None:
    """Own GDT, TSS and IST each: no record shows another core's."""
    status, output = _run(2, "faults")
    assert status == 3
    found = list(RECORD_FORMAT.iter_unpack(output))
    assert [(tr, apic, gdt) for tr, apic, _, _, gdt in found] == [
        (0x20, core, PAGE + core * STRIDE) for core in range(2)
    ]
    for core, (_, _, rsp, cr2, _) in enumerate(found):
        assert rsp == PAGE + core * STRIDE + IST1 - 5 * 8
        assert cr2 == 0x6FFF_FFFF_FFF8


def test_halted_cores_take_interrupts_and_nmis() -> None:
    assert _run(3, "calls") == (3, b"calls")
