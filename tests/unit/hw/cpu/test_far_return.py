"""Returns in protected mode; tests/bare has those of long mode."""

import pytest

from hw import ram
from hw.cpu import far_return
from hw.cpu.exits import CpuFault
from hw.cpu.vector_core import VectorCore
from hw.spec.registers import RFLAGS_NT


def push(core: VectorCore, *words: int) -> None:
    """Put words on the stack, the first on top."""
    core.state.rsp -= 4 * len(words)
    ram.write(core.state.rsp, b"".join(word.to_bytes(4, "little") for word in words))


def test_to_an_outer_ring_the_stack_changes_and_inner_segments_go(protected: VectorCore) -> None:
    state = protected.state
    push(protected, 0x4000, 0x1B, 0x3202, 0x6000, 0x23)
    state.nmi_masked = 1
    far_return.interrupt_return(protected, 4)
    assert (state.rip, state.rsp, state.cpl) == (0x4000, 0x6000, 3)
    assert (state.cs_selector, state.ss_selector, state.ds_selector) == (0x1B, 0x23, 0)
    assert (state.rflags, state.nmi_masked) == (0x3202, 0)


@pytest.mark.parametrize(
    ("words", "error"),
    [((0x4000, 0, 2), 0), ((0x4000, 0x10, 2), 0x10), ((0x4000, 0x1000, 2), 0x1000)],
)
def test_a_refused_return_changes_nothing(
    protected: VectorCore, words: tuple[int, ...], error: int
) -> None:
    state = protected.state
    push(protected, *words)
    before = (state.rip, state.rsp, state.cs_selector, state.rflags)
    with pytest.raises(CpuFault) as caught:
        far_return.interrupt_return(protected, 4)
    assert (caught.value.vector, caught.value.error) == (13, error)
    assert (state.rip, state.rsp, state.cs_selector, state.rflags) == before


def test_a_nested_task_is_not_returned_to(protected: VectorCore) -> None:
    protected.state.rflags |= RFLAGS_NT
    with pytest.raises(CpuFault, match="vector 13"):
        far_return.interrupt_return(protected, 4)


def test_parameters_are_dropped_from_both_stacks(protected: VectorCore) -> None:
    push(protected, 0x4000, 0x1B, 1, 2, 0x6000, 0x23)
    far_return.far_return(protected, 4, 8)
    assert (protected.state.rip, protected.state.rsp) == (0x4000, 0x6008)
