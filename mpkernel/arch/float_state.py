"""x87 and vector registers of the current task as the FXSAVE image that user programs see.

State: the core's register file. Locks: none; the task's own CPU. Context: task.
"""

from typing import Final

from hw.cpu.semantics.x87_control import init, set_control
from mpkernel.abi.signal import MXCSR_MASK, FloatState
from mpkernel.arch.context import registers
from mpkernel.arch.thread_start import MXCSR_DEFAULT

_SIGN_AND_EXPONENT: Final = 0xFFFF
_TOP_SHIFT: Final = 11


def _rotated(words: list[int], by: int) -> list[int]:
    """Registers of two words each, beginning with register ``by``."""
    return words[2 * by :] + words[: 2 * by]


def save() -> FloatState:
    """The image of the current registers."""
    state = registers()
    image = FloatState()
    image.control, image.status, image.tags = state.fpu_control, state.fpu_status, state.fpu_tags
    image.opcode = state.fpu_opcode
    image.instruction, image.data = state.fpu_instruction, state.fpu_data
    image.mxcsr, image.mxcsr_mask = state.mxcsr, MXCSR_MASK
    image.x87[:] = _rotated(list(state.x87), state.fpu_status >> _TOP_SHIFT & 7)
    image.xmm[:] = state.xmm[:]
    return image


def restore(image: FloatState) -> None:
    """Make the registers those of an image; reserved bits that a program may have set are lost."""
    state = registers()
    state.fpu_status = image.status
    set_control(state, image.control)
    state.fpu_tags, state.fpu_opcode = image.tags & 0xFF, image.opcode & 0x7FF
    state.fpu_instruction, state.fpu_data = image.instruction, image.data
    state.mxcsr = image.mxcsr & MXCSR_MASK
    words = _rotated(list(image.x87), -(image.status >> _TOP_SHIFT) & 7)
    words[1::2] = [word & _SIGN_AND_EXPONENT for word in words[1::2]]
    state.x87[:] = words
    state.xmm[:] = image.xmm[:]


def reset() -> None:
    """What a program and a signal handler begin with."""
    state = registers()
    init(state)
    state.mxcsr = MXCSR_DEFAULT
    state.x87[:] = [0] * 16
    state.xmm[:] = [0] * 32


def pending_exceptions() -> int:
    """Exceptions of x87 that are not masked, in the status word's bits."""
    state = registers()
    return state.fpu_status & ~state.fpu_control & 0x3F
