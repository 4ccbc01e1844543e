"""Which faults make a double fault; a frame in real mode. The rest: tests/bare."""

import itertools

import pytest

from hw import ram
from hw.cpu import interrupt_delivery
from hw.cpu.exits import CpuFault
from hw.cpu.interrupt_delivery import ShutdownReachedError, makes_double_fault
from hw.cpu.vector_core import VectorCore


def test_table_of_nested_exceptions() -> None:
    """APM vol. 2, table 8-3."""
    contributory = {0, 10, 11, 12, 13}
    for first, second in itertools.product(range(20), repeat=2):
        want = (first in contributory and second in contributory) or (
            first == 14 and (second == 14 or second in contributory)
        )
        assert makes_double_fault(first, second) == want


def test_real_mode_frame(vector_core: VectorCore) -> None:
    state = vector_core.state
    ram.write(0x21 * 4, bytes.fromhex("78563412"))
    state.rsp, state.rflags = 0x2000, 0x302
    interrupt_delivery.deliver(vector_core, 0x21, software=True)
    assert (state.cs_selector, state.rip, state.rsp) == (0x1234, 0x12340 + 0x5678, 0x1FFA)
    assert ram.read(0x1FFA, 6) == bytes.fromhex("001000000203")
    assert state.rflags == 2


@pytest.mark.feature("FIX-16")
def test_a_gate_that_names_no_code_segment_faults(protected: VectorCore) -> None:
    """The selector of a gate is checked against the GDT in use, each time."""
    state = protected.state
    state.idtr_base, state.idtr_limit = 0x6000, 0x7FF
    for selector, error in ((0x10, 0x10), (0x100, 0x100), (0, 0)):
        ram.words(0x6000, 64)[0x21] = 0x0000_EE00_0000_7000 | selector << 16
        with pytest.raises(CpuFault) as caught:
            interrupt_delivery.deliver(protected, 0x21, software=True)
        assert (caught.value.vector, caught.value.error) == (13, error)


def test_no_table_shuts_down(protected: VectorCore) -> None:
    protected.state.idtr_limit = 0
    with pytest.raises(ShutdownReachedError):
        interrupt_delivery.raise_fault(protected, CpuFault(6))
