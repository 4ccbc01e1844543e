"""x87: register and memory forms, by the names of iced's codes.

State: none. Context: Python, while decoding.
"""

import re
from typing import Any, Final

from iced_x86 import Encoder, OpKind, Register

from hw.cpu.block_builder import BARRIER, PARTIAL, BlockBuilder, bits_of
from hw.cpu.encodings.token import NUMBER, Build
from hw.cpu.operands import memory

_ARITHMETIC: Final = "F(ADD|MUL|SUBR?|DIVR?)"
#: Patterns of a code's name, and the handler that they stand for.
_PATTERNS: Final = tuple(
    (re.compile(pattern), handler)
    for pattern, handler in (
        (rf"{_ARITHMETIC}_(M\d\dFP)", r"f\1_\2"),
        (r"FI(ADD|MUL|SUBR?|DIVR?)_(M\d\dINT)", r"f\1_\2"),
        (rf"{_ARITHMETIC}(P?)_(?:ST0_STI|STI_ST0)", r"f\1\2_r"),
        (r"FI?(COMP?)_(M\d\d(?:FP|INT))", r"f\1_\2"),
        (r"F(U?COMP?)_ST0_STI(?:_\w+)?", r"f\1_r"),
        (r"F(U?COM)PP", r"f\1pp_r"),
        (r"F(U?COMI)(P?)_ST0_STI", r"f\1\2_r"),
        (r"FI?LD_(M\d\d(?:FP|INT))", r"fld_\1"),
        (r"FBLD_M80BCD", r"fld_m80bcd"),
        (r"FLD(1|L2T|L2E|PI|LG2|LN2|Z)", r"fld\1"),
        (r"FLD_STI", r"fld_r"),
        (r"F(I?STP?|ISTTP|BSTP)_(M\d\d(?:FP|INT|BCD))", r"f\1_\2"),
        (r"F(STP?)_STI(?:_\w+)?", r"f\1_r"),
        (r"FCMOV(\w+)_ST0_STI", r"fcmov\1"),
        (r"FXCH_ST0_STI(?:_\w+)?", r"fxch"),
        (r"(FFREEP?)_STI", r"\1"),
        (r"(FN?(?:ST|LD)ENV|FNSAVE|FRSTOR)_(M\d+BYTE)", r"\1_\2"),
        (r"(FLDCW|FNSTCW|FNSTSW)_M2BYTE", r"\1"),
        (r"FNSTSW_AX", r"fnstsw_ax"),
        (r"FNENI|FNDISI|FNSETPM", r"nop"),
        (r"WAIT|F[A-Z0-9]+", r"\g<0>"),
    )
)
_WRITES_FLAGS: Final = re.compile("FU?COMI")


def _handler(code_name: str) -> str:
    """Name of the handler for an encoding."""
    for pattern, handler in _PATTERNS:
        found = pattern.fullmatch(code_name)
        if found:
            return found.expand(handler).lower()
    return ""


def _opcode(d: BlockBuilder, i: Any) -> int:
    """The eleven bits of the opcode that x87 remembers."""
    encoder = Encoder(bits_of(d.mode))
    encoder.encode(i, d.rip)
    code = encoder.take_buffer()
    at = next(k for k, byte in enumerate(code) if 0xD8 <= byte <= 0xDF)
    return (code[at] & 7) << 8 | code[at + 1]


def _stack_number(register: int) -> int:
    return register - Register.ST0 if Register.ST0 <= register <= Register.ST7 else 0


def factory(mnemonic: str, tokens: list[str]) -> Build:
    """Builder of an x87 instruction."""
    code_name = "_".join([mnemonic.upper(), *tokens])
    number = NUMBER[_handler(code_name)]
    waits_only = code_name == "WAIT"
    effect = BARRIER | (PARTIAL if _WRITES_FLAGS.match(code_name) else 0)
    pops_two = code_name.endswith("PP")

    def build(d: BlockBuilder, i: Any) -> None:
        opcode = 0 if waits_only else _opcode(d, i)
        if i.op0_kind == OpKind.MEMORY and i.op_count:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(number, BARRIER, base=base, disp=disp, imm=opcode)
        else:
            a = _stack_number(i.op0_register)
            b = _stack_number(i.op1_register) if i.op_count > 1 else a + pops_two
            d.emit(number, effect, a=a, b=b, imm=opcode)

    return build


def claimed(code_name: str) -> bool:
    """Whether an encoding is one of x87 that the core has."""
    return _handler(code_name) in NUMBER
