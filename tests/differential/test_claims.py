"""Every instruction that there is: executed if CPUID claims it, #UD if not.

iced-x86 knows all encodings of all x86 processors and ties each to CPUID features.
"""

import re

import pytest
from iced_x86 import (
    Code,
    CpuidFeature,
    Decoder,
    Encoder,
    Instruction,
    OpCodeOperandKind,
    OpKind,
    Register,
)

from hw.cpu import cpuid
from hw.cpu.encodings.table import builder_for
from hw.cpu.exits import IllegalInstruction
from tests.differential import host
from tests.differential.guest import Guest

_CODES = {name: value for name, value in vars(Code).items() if isinstance(value, int)}
_KINDS = {value: name for name, value in vars(OpCodeOperandKind).items() if isinstance(value, int)}
_FEATURES = {value: name for name, value in vars(CpuidFeature).items() if isinstance(value, int)}
_REGISTERS = {name: value for name, value in vars(Register).items() if isinstance(value, int)}
#: What every processor with 64-bit mode has.
_BASE = {
    *(f"INTEL{n}" for n in ("8086", "186", "286", "386", "486")),
    *("FPU287", "FPU387"),
    *("X64", "CPUID", "PAUSE", "MULTIBYTENOP", "RDPMC"),
}
#: Hints in the space of the long NOP, and WBNOINVD, which is WBINVD, execute also where unclaimed.
_HINTS = {"CET_IBT", "PREFETCHITI", "PREFETCHWT1", "CLDEMOTE", "WBNOINVD"}
#: Encodings of claimed features that raise #UD all the same: pattern and reason.
_ABSENT = (
    ("INVALID|DECLARE|ZERO_BYTES", "no instructions"),
    ("UD[012]", "#UD is what they are for"),
    (r"F(CLEX|DISI|ENI|INIT|SETPM|SAVE_\w+|STCW_\w+|STENV_\w+|STSW_\w+)$", "WAIT before FN"),
    ("FSTPNCE", "an alias of FSTP that nobody uses"),
    ("BSWAP_R16", "undefined"),
    (r"(CALL|JMP)_(REL\d+_)?(REL|RM)?16|JMP_REL8_16|RETNW|ENTERW|LEAVEW", "16-bit stack and rip"),
    (r"(CALL|JMP)_M16\d\d|RETF|IRET|L[SFG]S_|\w+_[FG]S$|\w*_SREG", "segments"),
    (r"SLDT|STR_|VERR|VERW|SMSW|LAR|LSL|S[GI]DT|MOV_\w*[CD]R_|MOV_R64_[CD]R", "system state"),
    ("INT1", "debug"),
)


def _op_code(value: int):
    instruction = Instruction()
    instruction.code = value
    return instruction.op_code()


def _features(value: int) -> set[str]:
    instruction = Instruction()
    instruction.code = value
    return {_FEATURES[feature] for feature in instruction.cpuid_features()}


_CODES_64 = {name: value for name, value in _CODES.items() if _op_code(value).mode64}
_CLAIMED = {name for name in _CODES_64 if builder_for(name) is not None}


def test_what_executes_is_claimed():
    allowed = _BASE | _HINTS | set(cpuid.FEATURES)
    extra = {n: _features(_CODES[n]) - allowed for n in _CLAIMED}
    assert {name: features for name, features in extra.items() if features} == {}


def test_what_is_claimed_executes():
    claimed = _BASE | set(cpuid.FEATURES)
    missing = [name for name in _CODES_64.keys() - _CLAIMED if _features(_CODES[name]) <= claimed]
    reasons = re.compile("|".join(f"(?:{pattern})" for pattern, _ in _ABSENT))
    assert [name for name in missing if not reasons.match(name)] == []


#: A register for each class of operands.
_CLASSES = {
    "R8": "CL", "R16": "CX", "R32": "ECX", "R64": "RCX", "MM": "MM1", "XMM": "XMM1", "YMM": "YMM1",
    "XMMP3": "XMM4", "ZMMP3": "ZMM4", "ZMM": "ZMM1", "K": "K1", "KP1": "K2", "BND": "BND1",
    "TMM": "TMM1", "SEG": "DS", "CR": "CR0", "DR": "DR0", "TR": "TR3", "STI": "ST1",
}  # fmt: skip
_IMMEDIATES = {
    "IMM8": OpKind.IMMEDIATE8, "IMM4_M2Z": OpKind.IMMEDIATE8, "IMM8SEX16": OpKind.IMMEDIATE8TO16,
    "IMM8SEX32": OpKind.IMMEDIATE8TO32, "IMM8SEX64": OpKind.IMMEDIATE8TO64,
    "IMM16": OpKind.IMMEDIATE16, "IMM32": OpKind.IMMEDIATE32, "IMM64": OpKind.IMMEDIATE64,
    "IMM32SEX64": OpKind.IMMEDIATE32TO64, "IMM8_CONST_1": OpKind.IMMEDIATE8,
}  # fmt: skip


def _encode(value: int, *, memory: bool) -> bytes | None:
    """An instance of a code; None if these operands do not fit it."""
    instruction = Instruction()
    instruction.code = value
    op = instruction.op_code()
    instruction.memory_base, instruction.memory_displ_size = Register.RDI, 0
    for k in range(op.op_count):
        kind = _KINDS[op.op_kind(k)]
        if kind.startswith(("MEM", "SIBMEM")) or (memory and "_OR_MEM" in kind):
            instruction.set_op_kind(k, OpKind.MEMORY)
            if "VSIB" in kind:
                instruction.memory_index = _REGISTERS[f"{kind[-1]}MM2"]
            elif kind in ("SIBMEM", "MEM_MIB"):
                instruction.memory_index = Register.RAX
        elif kind in _IMMEDIATES:
            instruction.set_op_kind(k, _IMMEDIATES[kind])
            instruction.set_immediate_i64(k, 1)
        else:
            register = _CLASSES.get(kind.split("_")[0], kind)
            if register not in _REGISTERS:
                return None
            instruction.set_op_kind(k, OpKind.REGISTER)
            instruction.set_op_register(k, _REGISTERS[register])
    if op.can_use_op_mask_register and op.require_op_mask_register:
        instruction.op_mask = Register.K1
    encoder = Encoder(64)
    try:
        encoder.encode(instruction, host.CODE)
    except ValueError:
        return None
    return encoder.take_buffer()


@pytest.mark.parametrize("memory", [False, True])
def test_what_is_not_claimed_is_illegal(guest: Guest, memory: bool):
    tried = 0
    wrong = []
    for name in sorted(_CODES_64.keys() - _CLAIMED):
        code = _encode(_CODES[name], memory=memory)
        if code is None or Decoder(64, code).decode().code != _CODES[name]:
            continue  # not encodable so, or the space of an older instruction (MPX: long NOPs)
        tried += 1
        guest.put_code(0, code)
        state = guest.core.state
        state.rip, state.rdi, state.rflags, state.flag_kind = host.CODE, host.DATA, 0x202, 0
        end = guest.core.run()
        if not (isinstance(end, IllegalInstruction) and state.rip == host.CODE):
            wrong.append(name)
    assert wrong == []
    assert tried > 2500
