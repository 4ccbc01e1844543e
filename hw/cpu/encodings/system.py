"""Instructions that Python executes: privileged ones, segments, far transfers, rare legacy ones.

They end their block and leave native code undone (EXIT_SYSTEM); hw.cpu.system_instructions looks at
the bytes again. That is slow, and all that is asked of instructions which a kernel executes now and
then: their rules are long, and here they can be read.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build

#: In all modes.
_SYSTEM: Final = frozenset((
    "HLT", "WRMSR", "RDMSR", "INVD", "WBINVD", "WBNOINVD", "CLTS", "INVLPG",
    "INVPCID", "LGDT", "LIDT", "SGDT", "SIDT", "LLDT", "LTR", "SLDT", "STR", "LMSW", "SMSW",
    "LAR", "LSL", "VERR", "VERW", "IN", "OUT", "INSB", "INSW", "INSD", "OUTSB", "OUTSW", "OUTSD",
    "SYSRETD", "ENTERW", "LEAVEW", "SYSENTER", "SYSEXITQ", "SYSEXITD", "RDPMC", "INT", "INT1",
    "IRETW", "IRETD", "RETFW", "RETFD", "RETFQ", "RDFSBASE", "RDGSBASE", "WRFSBASE",
    "WRGSBASE", "MONITORW", "MONITORD", "MONITORQ", "MWAIT", "LSS", "LFS", "LGS",
))  # fmt: skip
#: Outside 64-bit mode only.
_LEGACY: Final = frozenset((
    "CLFLUSH", "LDS", "LES", "INTO", "BOUND", "ARPL", "PUSHAW", "PUSHAD", "POPAW", "POPAD", "AAA",
    "AAD", "AAM", "AAS", "DAA", "DAS", "SALC", "XLAT", "ENTERD", "LEAVED",
    "PUSHFW", "PUSHFD", "POPFW", "POPFD", "SYSCALL", "SWAPGS", "STAC", "CLAC", "INT3",
    *(f"{n}{s}" for n in ("MOVS", "STOS", "LODS", "SCAS", "CMPS") for s in "BWD"),
))  # fmt: skip
_SEGMENT_TOKENS: Final = frozenset(("ES", "CS", "SS", "DS", "FS", "GS", "SREG"))
_CONTROL_TOKENS: Final = frozenset(("CR", "DR"))
_FAR_TOKENS: Final = frozenset(("PTR1616", "PTR1632", "M1616", "M1632", "M1664"))


def is_system(code_name: str, *, legacy: bool) -> bool:
    """Whether an encoding, named as in iced's ``Code``, is executed in Python."""
    mnemonic, *tokens = code_name.split("_")
    if mnemonic in _SYSTEM or (legacy and mnemonic in _LEGACY):
        return True
    if mnemonic in ("JMP", "CALL"):
        return not _FAR_TOKENS.isdisjoint(tokens)
    if mnemonic.startswith(("PUSH", "POP")):
        return not _SEGMENT_TOKENS.isdisjoint(tokens)
    if legacy and mnemonic in ("BT", "BTS", "BTR", "BTC") and tokens[1].startswith("R"):
        return True  # the bit number moves the operand within its segment
    return mnemonic == "MOV" and not (_CONTROL_TOKENS | {"SREG"}).isdisjoint(tokens)


def build(d: BlockBuilder, i: Any) -> None:  # noqa: ARG001
    """Leave native code before the instruction."""
    number = NUMBER["system"]
    d.emit(number, BARRIER)
    d.end(number)


SYSTEM_BUILD: Final[Build] = build
