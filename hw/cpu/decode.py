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
from typing import Any, Final

from iced_x86 import Code, Decoder, DecoderError, Formatter, FormatterSyntax

from hw.cpu.block_builder import BARRIER, BlockBuilder
from hw.cpu.encodings.table import builder_for

MAX_INSTRUCTIONS: Final = 64

Builder = Callable[[BlockBuilder, Any], None]

_BUILDERS: Final[dict[int, Builder]] = {}
_NAMES: Final[dict[int, str]] = {
    value: name for name, value in vars(Code).items() if isinstance(value, int)
}


def _illegal(d: BlockBuilder, instruction: Any) -> None:  # noqa: ARG001
    """An instruction that is not there."""
    d.emit(d.number["illegal"], BARRIER)
    d.end(d.number["illegal"])


def _builder(code: int) -> Builder:
    builder = builder_for(_NAMES[code]) or _illegal
    _BUILDERS[code] = builder
    return builder


class NeedsMoreBytesError(Exception):
    """The first instruction goes on in the next page."""


def decode_block(
    rip: int, data: bytes, page_bytes: int, limit: int = MAX_INSTRUCTIONS
) -> BlockBuilder:
    """Decode a block that begins at ``rip``.

    ``data`` are the bytes there: ``page_bytes`` up to the end of the page, perhaps more of the
    next.

    Raises:
        NeedsMoreBytesError: the first instruction straddles and ``data`` ends with the page.

    """
    d = BlockBuilder(rip)
    decoder = Decoder(64, data, ip=rip)
    page_end = rip + page_bytes
    here = rip
    while not d.ended:
        if d.position == limit or here >= page_end:
            d.fall_through(here)
            break
        instruction = decoder.decode()
        following = here + instruction.len
        if instruction.code == Code.INVALID and decoder.last_error == DecoderError.NO_MORE_BYTES:
            if d.position == 0 and len(data) == page_bytes and page_bytes < 15:
                raise NeedsMoreBytesError
            following = page_end + 1
        if following > page_end and d.position:
            d.fall_through(here, far=True)
            break
        if following > page_end:
            d.single_page = False
        d.begin(here, following)
        code = instruction.code
        (_BUILDERS.get(code) or _builder(code))(d, instruction)
        d.position += 1
        here = following
        if not d.single_page and not d.ended:
            d.fall_through(here)
    return d


def text_of(data: bytes, rip: int) -> str:
    """Disassembly of the instruction that begins with these bytes, for people."""
    instruction = Decoder(64, data, ip=rip).decode()
    if instruction.code == Code.INVALID:
        return "(bad)"
    formatter = Formatter(FormatterSyntax.INTEL)
    formatter.space_after_operand_separator = True
    return formatter.format(instruction)
