"""The instructions that the core has: builders by encoding.

What is in no table is absent: #UD.

State: none. Context: Python, while decoding.
"""

from typing import Final

from hw.cpu.encodings import (
    arithmetic,
    bits,
    flow,
    later_vectors,
    legacy,
    mmx,
    moves,
    save,
    shifts,
    stack,
    strings,
    vectors,
    x87,
)
from hw.cpu.encodings.flow import jump_or_call
from hw.cpu.encodings.system import SYSTEM_BUILD, is_system
from hw.cpu.encodings.token import Build, Factory

_TABLE: Final[dict[str, Factory]] = (
    {
        name: factory
        for family in (moves, arithmetic, shifts, bits, stack, flow, strings, save)
        for name, factory in family.TABLE.items()
    }
    | vectors.CONTROL
    | mmx.CONTROL
)
_VECTORS: Final[dict[str, Factory]] = later_vectors.TABLE | vectors.TABLE
#: Mnemonics shared with SSE, or operands, that the general-register core does not have.
_ABSENT_TOKENS: Final = frozenset(("SREG", "CR", "DR", "TR", "ES", "CS", "SS", "DS", "FS", "GS"))
#: Encodings that 64-bit mode does not have, or whose result is undefined.
_ABSENT_CODES: Final = frozenset(("PUSH_R32", "POP_R32", "PUSH_RM32", "POP_RM32", "BSWAP_R16"))


def builder_for(code_name: str) -> Build | None:  # noqa: PLR0911  one row a kind
    """The builder of an encoding named as in iced's ``Code``, or None if it is absent."""
    if is_system(code_name, legacy=False):
        return SYSTEM_BUILD
    mnemonic, *tokens = code_name.split("_")
    if mnemonic in ("JMP", "CALL"):
        return jump_or_call(code_name)
    if mnemonic == "VEX":
        mnemonic, *tokens = tokens
        return _made(bits.VEX.get(mnemonic), mnemonic, tokens)
    if not mmx.TOKENS.isdisjoint(tokens):
        return _made(mmx.TABLE.get(mnemonic), mnemonic, tokens)
    if x87.claimed(code_name):
        return x87.factory(mnemonic, tokens)
    if any(token.startswith("XMM") for token in tokens):
        # PEXTRW with a word in memory is SSE4.1's
        later = mnemonic == "PEXTRW" and "M16" in tokens[0]
        table = _VECTORS if not later else later_vectors.TABLE
        return _made(table.get(mnemonic), mnemonic, tokens)
    absent = code_name in _ABSENT_CODES or not _ABSENT_TOKENS.isdisjoint(tokens)
    return None if absent else _made(_TABLE.get(mnemonic), mnemonic, tokens)


def _made(factory: Factory | None, mnemonic: str, tokens: list[str]) -> Build | None:
    return None if factory is None else factory(mnemonic.lower(), tokens)


def legacy_builder_for(code_name: str) -> Build | None:
    """The builder of an encoding outside 64-bit mode, or None if it is absent."""
    if is_system(code_name, legacy=True):
        return SYSTEM_BUILD
    mnemonic, *tokens = code_name.split("_")
    if mnemonic in ("JMP", "CALL"):
        return legacy.jump_or_call(mnemonic, tokens)
    if mnemonic == "LEA":
        return legacy.lea("lea", tokens)
    factory = legacy.TABLE.get(mnemonic)
    if factory is not None:
        return factory(mnemonic.lower(), tokens)
    return builder_for(code_name)
