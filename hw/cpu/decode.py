"""Bytes to micro-ops.

iced-x86 decodes; its ``Code`` names encoding and operands together (ADD_RM32_IMM8). The first time
a code is met, its name is looked up in the families' tables (hw.cpu.encodings) and a builder, a
closure with all handler numbers resolved, is kept; so decoding is one dictionary access and one
call.

A block ends at a jump, at a page border or after MAX_INSTRUCTIONS. An instruction that straddles
two pages is a block of its own.

State: builders, private to the process, never stale. Context: Python.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from iced_x86 import Code, Decoder, DecoderError

from hw.cpu.block_builder import BARRIER, PLACE_MASK, BlockBuilder, bits_of
from hw.cpu.encodings.table import builder_for, legacy_builder_for
from hw.cpu.micro_op import PLACE_BITS
from hw.cpu.state import MODE_FLAGS, MODE_LEGACY, MODE_NO_FPU, MODE_NO_SSE
from hw.spec.vectors import DEVICE_NOT_AVAILABLE

MAX_INSTRUCTIONS: Final = 64

Builder = Callable[[BlockBuilder, Any], None]

_INVALID: Final = Code.INVALID
_BUILDERS: Final[dict[int, Builder]] = {}
#: The same for each MODE_* word that is not 0.
_IN_MODE: Final[dict[int, dict[int, Builder]]] = {}
_MXCSR: Final = frozenset(("LDMXCSR", "STMXCSR"))
_NAMES: Final[dict[int, str]] = {
    value: name for name, value in vars(Code).items() if isinstance(value, int)
}


def _illegal(d: BlockBuilder, instruction: Any) -> None:  # noqa: ARG001
    """An instruction that is not there."""
    d.emit(d.number["illegal"], BARRIER)
    d.end(d.number["illegal"])


def _no_device(d: BlockBuilder, instruction: Any) -> None:  # noqa: ARG001
    """An instruction whose unit CR0.TS or CR0.EM keeps away."""
    d.emit(d.number["raise"], BARRIER, a=DEVICE_NOT_AVAILABLE)
    d.end(d.number["raise"])


def _find_in_mode(mode: int, name: str) -> Builder | None:
    """The builder of an encoding where the mode word is not 0."""
    mnemonic, *tokens = name.split("_")
    is_sse = any(token.startswith("XMM") for token in tokens) or mnemonic in _MXCSR
    if is_sse and mode & MODE_NO_SSE:
        return None
    if (is_sse or mnemonic.startswith("F")) and mode & MODE_NO_FPU:
        return _no_device
    return legacy_builder_for(name) if mode & MODE_LEGACY else builder_for(name)


def _builder(code: int, known: dict[int, Builder], find: Callable[[str], Any]) -> Builder:
    builder: Builder = find(_NAMES[code]) or _illegal
    known[code] = builder
    return builder


class NeedsMoreBytesError(Exception):
    """The first instruction goes on in the next page."""


def decode_block(
    rip: int, data: bytes, page_bytes: int, limit: int = MAX_INSTRUCTIONS, mode: int = 0
) -> BlockBuilder:
    """Decode a block that begins at ``rip``, in the mode ``CpuState.mode``.

    ``data`` are the bytes there: ``page_bytes`` up to the end of the page, perhaps more of the
    next.

    Raises:
        NeedsMoreBytesError: the first instruction straddles and ``data`` ends with the page.

    """
    d = BlockBuilder(rip, mode)
    decoder = Decoder(bits_of(mode), data, ip=rip - d.code_base)
    builders, find = _BUILDERS, builder_for
    if mode:
        d.begin_checked()
        builders, find = _IN_MODE.setdefault(mode & MODE_FLAGS, {}), partial(_find_in_mode, mode)
    decode = decoder.decode
    page_end = rip + page_bytes
    here = rip
    count = 0
    while count < limit and here < page_end:
        instruction = decode()
        code = instruction.code
        following = here + instruction.len
        if code == _INVALID and decoder.last_error == DecoderError.NO_MORE_BYTES:
            if count == 0 and len(data) == page_bytes and page_bytes < 15:
                raise NeedsMoreBytesError
            following = page_end + 1
        if following > page_end:
            if count:
                d.fall_through(here, far=True)
                return d
            d.single_page = False
        d.rip, d.next_rip = here, following
        d.place = here & PLACE_MASK | count << PLACE_BITS
        d.after, d.fuse = d.fuse, ""
        (builders.get(code) or _builder(code, builders, find))(d, instruction)
        d.position = count = count + 1
        if d.ended:
            return d
        here = following
    d.fall_through(here)
    return d
