"""A machine with one core; code and data are mapped at fixed addresses."""

from collections.abc import Iterator

import pytest

from hw import ram
from hw.cpu import mode, threaded
from hw.cpu.segmentation import put, put_real
from hw.cpu.vector_core import VectorCore
from hw.irq import apic_state
from hw.spec.descriptors import decode
from hw.spec.memory_map import MIB
from hw.spec.registers import CR0_PE
from tests.differential.guest import Guest


@pytest.fixture(scope="session", autouse=True)
def _native_code() -> None:
    threaded.load()


@pytest.fixture
def guest() -> Iterator[Guest]:
    machine = Guest()
    yield machine
    machine.close()


@pytest.fixture
def vector_core() -> Iterator[VectorCore]:
    """A core in vector mode after RESET, at 0000:1000, all segments from 0 on."""
    files = ram.create(16 * MIB)
    apic_state.reset(0, boot_core=True)
    core = VectorCore(0)
    for name in ("cs", "ss", "ds", "es"):
        put_real(core.state, name, 0)
    core.start(0, 0x1000)
    yield core
    ram.close(files)


#: Descriptors of ``protected``: code, data, code and data of ring 3, read-only, absent data, LDT,
#: TSS, conforming code.
DESCRIPTORS = (
    0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF,
    0x00CF91000000FFFF, 0x00CF13000000FFFF, 0x0000820040000017, 0x0000890050000067,
    0x00CF9F000000FFFF,
)  # fmt: skip


@pytest.fixture
def protected(vector_core: VectorCore) -> VectorCore:
    """A core in 32-bit protected mode, ring 0, flat, without paging; GDT at 0x3000."""
    state = vector_core.state
    for index, descriptor in enumerate(DESCRIPTORS):
        ram.words(0x3000, 16)[index] = descriptor
    state.gdtr_base, state.gdtr_limit = 0x3000, 8 * len(DESCRIPTORS) - 1
    state.cr0 |= CR0_PE
    for name, selector in (("cs", 8), ("ss", 16), ("ds", 16), ("es", 16)):
        put(state, name, decode(selector, DESCRIPTORS[selector // 8]))
    state.rsp = 0x8000
    mode.update(vector_core)
    return vector_core
