"""Whole machines that run bare images: cores come up by INIT and STARTUP and take interrupts."""

import struct
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.support.bare_scenarios import ENTRIES, IST1, PAGE, RECORD_FORMAT, STRIDE

pytestmark = pytest.mark.timeout(90)


def _run(cores: int, scenario: str, ids: Sequence[int] = ()) -> tuple[int, bytes]:
    words = [str(cores), scenario, *map(str, ids)]
    command = [sys.executable, "-m", "tests.support.bare_smp", *words]
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


def test_a_store_ends_the_mwait_of_other_cores() -> None:
    assert _run(3, "monitor") == (3, b"watched")


@pytest.mark.feature("B9")
@pytest.mark.parametrize("ids", [(), (0, 2, 5, 9), (1, 0, 254, 300)])
def test_cpuid_apic_and_firmware_agree_on_who_a_core_is(ids: tuple[int, ...]) -> None:
    """Leaf 1, leaf 0Bh and the APIC name a core alike; the MADT lists those names in order."""
    status, output = _run(4, "names", ids)
    assert status == 3
    size = 4 * RECORD_FORMAT.size
    expected = list(ids or range(4))
    assert list(struct.unpack(f"<{len(output) - size >> 2}I", output[size:])) == expected
    records = list(RECORD_FORMAT.iter_unpack(output[:size]))
    assert records[0][1] == expected[0]  # it started first
    assert sorted(one[1] for one in records) == sorted(expected)
    for first, topology, shift, count, apic in records:
        assert (first, apic) == (topology & 0xFF, topology)
        assert (topology >> shift, count) == (0, 4)
    assert shift == max(expected).bit_length()


@pytest.mark.feature("FIX-4", "F7")
def test_each_entry_from_ring_3_is_on_the_stack_of_the_current_task() -> None:
    status, output = _run(2, "tasks")
    assert status == 3
    seen = list(struct.iter_unpack("<2I", output))
    assert min(map(sum, zip(*seen, strict=True))) >= ENTRIES
    assert any(first and second for first, second in seen), "no task moved"


@pytest.mark.feature("FIX-4")
def test_a_kernel_stack_left_in_the_tss_is_found() -> None:
    assert _run(2, "stale") == (4, b"")
