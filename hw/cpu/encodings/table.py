"""The instructions that the core has: builders by encoding.

What is in no table is absent: #UD.

State: none. Context: Python, while decoding.
"""

from typing import Final

from hw.cpu.encodings import arithmetic, flow, legacy, moves, shifts, stack, strings, vectors
from hw.cpu.encodings.flow import jump_or_call
from hw.cpu.encodings.system import SYSTEM_BUILD, is_system
from hw.cpu.encodings.token import Build, Factory

_TABLE: Final[dict[str, Factory]] = {
    name: factory
    for family in (moves, arithmetic, shifts, stack, flow, strings)
    for name, factory in family.TABLE.items()
} | vectors.CONTROL
#: Mnemonics shared with SSE, or operands, that the general-register core does not have.
_ABSENT_TOKENS: Final = frozenset(
    ("SREG", "CR", "DR", "TR", "MM", "ES", "CS", "SS", "DS", "FS", "GS")
)
#: Encodings that 64-bit mode does not have, or whose result is undefined.
_ABSENT_CODES: Final = frozenset(("PUSH_R32", "POP_R32", "PUSH_RM32", "POP_RM32", "BSWAP_R16"))


def builder_for(code_name: str) -> Build | None:
    """The builder of an encoding named as in iced's ``Code``, or None if it is absent."""
    if is_system(code_name, legacy=False):
        return SYSTEM_BUILD
    mnemonic, *tokens = code_name.split("_")
    if mnemonic in ("JMP", "CALL"):
        return jump_or_call(code_name)
    if any(token.startswith("XMM") for token in tokens):
        # a word to memory is SSE4.1's PEXTRW
        absent = mnemonic == "PEXTRW" and "M16" in tokens[0]
        factory = None if absent else vectors.TABLE.get(mnemonic)
        return None if factory is None else factory(mnemonic.lower(), tokens)
    factory = _TABLE.get(mnemonic)
    absent = code_name in _ABSENT_CODES or not _ABSENT_TOKENS.isdisjoint(tokens)
    if factory is None or absent:
        return None
    return factory(mnemonic.lower(), tokens)


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
