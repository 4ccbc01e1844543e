"""The FXSAVE image: in the order of the stack, back again, and nothing reserved survives."""

from hw.cpu.state import CpuState
from mpkernel.abi.signal import FloatState
from mpkernel.arch import float_state
from mpkernel.arch.context import registers
from tests.support.kernel import kernel


def fill(state: CpuState) -> None:
    state.fpu_control, state.fpu_status, state.fpu_tags = 0x27F, 5 << 11 | 0x20, 0b1110_0000
    state.fpu_opcode, state.fpu_instruction, state.fpu_data = 0x123, 0x40_1000, 0x7000
    state.x87[:] = [number * 7 for number in range(16)]
    state.xmm[:] = [number * 3 for number in range(32)]
    state.mxcsr = 0x1FA0


def test_there_and_back() -> None:
    with kernel():
        state = registers()
        fill(state)
        image = float_state.save()
        assert bytes(image)[:4] == bytes.fromhex("7f022028")
        assert list(image.x87[:4]) == [70, 77, 84, 91], "ST(0) is R5"
        float_state.reset()
        assert (state.fpu_control, state.fpu_tags, state.mxcsr) == (0x37F, 0, 0x1F80)
        assert set(state.x87) == set(state.xmm) == {0}
        float_state.restore(image)
        assert list(state.x87) == [number * 7 for number in range(16)]
        assert list(state.xmm) == [number * 3 for number in range(32)]
        assert bytes(float_state.save()) == bytes(image)


def test_a_forged_image_is_cut_to_what_exists() -> None:
    with kernel():
        state = registers()
        float_state.restore(FloatState.from_buffer_copy(b"\xff" * 512))
        assert state.fpu_control == 0x1F7F
        assert state.mxcsr == 0xFFFF
        assert state.fpu_tags == 0xFF
        assert state.fpu_opcode == 0x7FF
        assert set(state.x87[1::2]) == {0xFFFF}


def test_an_exception_that_is_not_masked_is_pending() -> None:
    with kernel():
        image = FloatState()
        image.control, image.status = 0x37F & ~4, 0x24
        float_state.restore(image)
        assert float_state.pending_exceptions() == 4
        assert registers().fpu_status & 0x8080 == 0x8080, "the summary follows"
