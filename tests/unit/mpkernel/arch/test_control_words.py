"""Registers that must be alike: as a core's own instructions leave them."""

import pytest

from hw import ram
from hw.cpu import msr
from hw.cpu.core import Core
from hw.cpu.vector_core import VectorCore
from hw.irq import apic_state
from hw.spec.memory_map import MIB
from hw.spec.msr import MSR_MTRR_PHYS, MSR_PAT, PAT_RESET
from mpkernel.arch.control_words import control_words, differences


@pytest.fixture(autouse=True)
def _memory():
    files = ram.create(16 * MIB)
    apic_state.reset(0, boot_core=True)
    yield
    ram.close(files)


def test_cores_of_a_kernel_begin_alike():
    cores = [Core(0), Core(1), Core(2)]
    words = [control_words(core.index) for core in cores]
    assert words[0]["PAT"] == PAT_RESET
    assert words[0]["CR0"] == cores[0].state.cr0 != 0
    assert differences(words) == []


@pytest.mark.feature("B12")
def test_a_register_written_on_one_core_is_the_difference():
    cores = [VectorCore(0), VectorCore(1)]
    msr.write(cores[1], MSR_PAT, 0)
    msr.write(cores[1], MSR_MTRR_PHYS[3], 0x800)
    words = [control_words(0), control_words(1)]
    assert differences(words) == [(1, "PAT", 0), (1, "MTRRphysMask1", 0x800)]
