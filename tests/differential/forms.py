"""Instruction forms, made from the encodings that the core claims, with random operands."""

import math
import random
import struct
from dataclasses import dataclass, field
from typing import Any

from iced_x86 import (
    Code,
    Encoder,
    Instruction,
    Mnemonic,
    OpCodeOperandKind,
    OpKind,
    Register,
)

from hw.cpu.encodings.system import is_system
from hw.cpu.encodings.table import builder_for
from hw.cpu.operands import OFFSET
from hw.spec.registers import GPR_NAMES
from tests.differential.exceptions import flags_of
from tests.differential.host import DATA, DATA_SIZE

_MASK64 = (1 << 64) - 1
NAMES = {name: value for name, value in vars(Code).items() if isinstance(value, int)}
CODE_NAMES = {value: name for name, value in NAMES.items()}
_KINDS = {value: name for name, value in vars(OpCodeOperandKind).items() if isinstance(value, int)}
_REGISTERS = {name: value for name, value in vars(Register).items() if isinstance(value, int)}

#: Control flow, exits and what reads the machine's own time: tested elsewhere.
_ELSEWHERE = (
    "J",
    "CALL",
    "RET",
    "LOOP",
    "SYSCALL",
    "INT",
    "CPUID",
    "RDTSC",
    "SYSRET",
    "IRET",
    "CLI",
    "STI",
    "SWAPGS",
    "STAC",
    "CLAC",
    "ENDBR",
    "RDRAND",
    "RDSEED",
    "XSAVE",
    "XRSTOR",
    "XGETBV",
    "XSETBV",
)
_ACCUMULATORS = {"AL": 8, "AX": 16, "EAX": 32, "RAX": 64}


def claimed() -> list[str]:
    """Names of all encodings that a straight-line test can run.

    Not those of kernels: the host would do them to this process (tests/bare has them).
    """
    names = []
    for name, value in NAMES.items():
        if name.startswith(_ELSEWHERE) or is_system(name, legacy=False):
            continue
        op = _op_code(value)
        if op.mode64 and not op.is_privileged and builder_for(name) is not None:
            names.append(name)
    return names


def _op_code(code: int) -> Any:
    instruction = Instruction()
    instruction.code = code
    return instruction.op_code()


@dataclass
class Case:
    """One instruction with the registers that its operands need."""

    name: str
    code: bytes
    pinned: dict[int, int] = field(default_factory=dict)  #: register number -> value
    undefined: int = 0  #: RFLAGS bits that the manual leaves undefined
    text: str = ""

    @property
    def uses_x87(self) -> bool:
        """Whether the x87 registers, which MMX shares, matter."""
        return self.name.startswith(("F", "WAIT", "EMMS", "XSAVE", "XRSTOR")) or "_MM" in self.name


@dataclass(frozen=True)
class Pool:
    """Which registers a form may use as operands and as parts of addresses."""

    operands: tuple[int, ...] = tuple(n for n in range(16) if n != 4)
    bases: tuple[int, ...] = tuple(n for n in range(16) if n != 4)
    relative: bool = True  #: RIP-relative addresses too
    #: What base and index registers hold, where a program shares them; then accesses seldom fault.
    fixed: dict[int, int] = field(default_factory=dict)


ALL = Pool()


def _register(kind: str, rng: random.Random, pool: Pool) -> int:
    """A register for an operand kind such as r32_reg."""
    number = rng.choice(pool.operands)
    if kind.startswith("R8"):
        names = ["AL", "CL", "DL", "BL", "AH", "CH", "DH", "BH", "SIL", "DIL", "BPL",
                 *(f"R{n}L" for n in range(8, 16))]  # fmt: skip
        allowed = [_REGISTERS[n] for n in names if OFFSET[_REGISTERS[n]] // 8 in pool.operands]
        return rng.choice(allowed)
    if kind.startswith("STI"):
        return _REGISTERS[f"ST{rng.randrange(8)}"]
    if kind.startswith("MM_"):
        return _REGISTERS[f"MM{rng.randrange(8)}"]
    if kind.startswith("XMM"):
        return _REGISTERS[f"XMM{rng.randrange(16)}"]
    name = GPR_NAMES[number].upper()
    if number >= 8:
        return _REGISTERS[name + {"R16": "W", "R32": "D", "R64": ""}[kind[:3]]]
    return _REGISTERS[{"R16": name[1:], "R32": "E" + name[1:], "R64": name}[kind[:3]]]


def make(name: str, rng: random.Random, ip: int, pool: Pool = ALL) -> Case | None:
    """A random instruction of an encoding; None if the drawn operands cannot be encoded."""
    instruction = Instruction()
    instruction.code = NAMES[name]
    op = instruction.op_code()
    pinned: dict[int, int] = {}
    memory = False
    for k in range(op.op_count):
        memory |= _operand(instruction, k, _KINDS[op.op_kind(k)], rng, pool)
    if name == "XLAT_M8":
        pinned[3] = data_address(rng)
        instruction.memory_base, instruction.memory_index = Register.RBX, Register.AL
    elif memory:
        if pool.fixed:
            locks = op.can_use_lock_prefix or name.startswith("XCHG")
            aligned = locks or ("128" in name and rng.random() < 0.98)
            target = _shared_address(instruction, rng, pinned, pool.fixed, aligned=aligned)
        else:
            target = _address(instruction, rng, pinned, pool, moffs="MOFFS" in name)
        if name.startswith("BT") and instruction.op1_kind == OpKind.REGISTER:
            _near_bit(instruction, rng, pinned)
        if op.can_use_lock_prefix and instruction.op0_kind == OpKind.MEMORY:
            # hosts punish a LOCK that splits a cache line, some with a minute of sleep
            splits = target & 7 if name.startswith("BT") else target & 63 > 56
            instruction.has_lock_prefix = not splits and rng.random() < 0.6
    _suit(instruction, name, rng, pinned)
    if instruction.is_string_instruction:
        _string(instruction, rng, pinned)
    encoder = Encoder(64)
    try:
        encoder.encode(instruction, ip)
    except ValueError:
        return None
    undefined = flags_of(instruction.rflags_undefined)
    return Case(name, encoder.take_buffer(), pinned, undefined, str(instruction))


def _suit(instruction: Any, name: str, rng: random.Random, pinned: dict[int, int]) -> None:
    """Draw what a few instructions need to be defined, or to do something of interest."""
    if name.startswith(("SHLD_RM16", "SHRD_RM16")):
        if name.endswith("CL"):
            pinned.setdefault(1, rng.randrange(17))
        else:
            instruction.immediate8 = rng.randrange(17)
    elif name.startswith("PCMPESTR") and rng.random() < 0.8:
        for number in (0, 2):
            pinned.setdefault(number, rng.choice([0, 1, 5, 8, 15, 16, -3, -9]) & _MASK64)
    elif name.startswith(("MASKMOVQ", "MASKMOVDQU")):
        pinned[7] = DATA + rng.randrange(DATA_SIZE - 16)


def _operand(instruction: Any, k: int, kind: str, rng: random.Random, pool: Pool) -> bool:
    """Set operand ``k``; whether it is a memory operand."""
    set_kind, set_register = instruction.set_op_kind, instruction.set_op_register
    if (kind.endswith("_OR_MEM") and rng.random() < 0.5) or kind in (
        "MEM",
        "MEM_OFFS",
        "SEG_RBX_AL",
    ):
        set_kind(k, OpKind.MEMORY)
        return True
    if kind.startswith("IMM") or kind == "IMM8_CONST_1":
        _immediate(instruction, k, kind, rng)
    elif kind == "SEG_RDI":
        set_kind(k, OpKind.MEMORY_SEG_RDI)
    elif kind.startswith(("SEG_R", "ES_R")):
        set_kind(k, OpKind.MEMORY_SEG_RSI if kind.startswith("SEG") else OpKind.MEMORY_ESRDI)
    else:
        set_kind(k, OpKind.REGISTER)
        plain = kind.upper()
        if plain in _REGISTERS:
            set_register(k, _REGISTERS[plain])
        else:
            set_register(k, _register(plain, rng, pool))
    return False


_IMMEDIATE = {
    "IMM8": OpKind.IMMEDIATE8, "IMM8SEX16": OpKind.IMMEDIATE8TO16, "IMM8SEX32":
    OpKind.IMMEDIATE8TO32, "IMM8SEX64": OpKind.IMMEDIATE8TO64, "IMM16": OpKind.IMMEDIATE16,
    "IMM32": OpKind.IMMEDIATE32, "IMM32SEX64": OpKind.IMMEDIATE32TO64, "IMM64": OpKind.IMMEDIATE64,
}  # fmt: skip


def _immediate(instruction: Any, k: int, kind: str, rng: random.Random) -> None:
    if kind == "IMM8_CONST_1":
        instruction.set_op_kind(k, OpKind.IMMEDIATE8)
        instruction.immediate8 = 1
        return
    instruction.set_op_kind(k, _IMMEDIATE[kind])
    bits = int("".join(c for c in kind.split("SEX", maxsplit=1)[0] if c.isdigit()))
    instruction.set_immediate_i64(k, _signed(value(rng, bits), bits))


def _signed(x: int, bits: int) -> int:
    return x - (1 << bits) if x >> (bits - 1) else x


def value(rng: random.Random, bits: int = 64) -> int:
    """A number with a liking for borders."""
    mask = (1 << bits) - 1
    kind = rng.random()
    if kind < 0.2:
        return rng.choice([0, 1, 2, mask, mask >> 1, (mask >> 1) + 1, mask - 1, 0x7F, 0x80]) & mask
    if kind < 0.35:
        return rng.getrandbits(8) & mask
    if kind < 0.5:
        return (rng.getrandbits(32) | rng.choice([0, 0xFFFFFFFF]) << 32) & mask
    return rng.getrandbits(64) & mask


def vector_half(rng: random.Random) -> int:
    """Half a vector register: integers, or floats of either size and any kind."""
    kind = rng.random()
    if kind < 0.2:
        return value(rng)
    if kind < 0.35:
        return int.from_bytes(rng.choices((0, 1, 0x61, 0x62, 0x80, 0xFF), k=8), "little")
    if kind < 0.65:
        return int.from_bytes(struct.pack("<d", _number(rng)), "little")
    return int.from_bytes(struct.pack("<ff", _small(rng), _small(rng)), "little")


def _small(rng: random.Random) -> float:
    number = _number(rng)
    return number if math.isnan(number) or abs(number) < 3e38 else rng.random()


def _number(rng: random.Random) -> float:
    special = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.0**31,
        -(2.0**63),
        1e-310,
        -1e-42,
        float("inf"),
        float("nan"),
    ]
    if rng.random() < 0.4:
        return rng.choice(special)
    return (rng.random() - 0.5) * 10.0 ** rng.randint(-20, 20)


def data_address(rng: random.Random) -> int:
    """An address in the data: inside, across the pages, or (seldom) across the end."""
    kind = rng.random()
    if kind < 0.6:
        return DATA + 64 + 16 * rng.randrange(0, 200)
    if kind < 0.8:
        return DATA + 64 + rng.randrange(0, 0x1800)
    if kind < 0.94:
        return DATA + 0x1000 - rng.randrange(0, 17)
    return DATA + DATA_SIZE - rng.randrange(0, 17)


def _near_bit(instruction: Any, rng: random.Random, pinned: dict[int, int]) -> None:
    """Let a bit number reach a little beyond the operand, not all over the host."""
    number = OFFSET[instruction.op1_register] // 8
    if number not in pinned:
        pinned[number] = rng.randrange(-0x4000, 0x4000) & ((1 << 64) - 1)


def _address(
    instruction: Any, rng: random.Random, pinned: dict[int, int], pool: Pool, *, moffs: bool
) -> int:
    """Give the memory operand an addressing mode that points into the data; where to."""
    target = data_address(rng)
    if instruction.mnemonic == Mnemonic.XCHG and target & 63 > 56:
        target &= ~7
    displ = rng.choice([0, rng.randrange(-128, 128), rng.randrange(-(1 << 20), 1 << 20)])
    mode = rng.random()
    if moffs:
        instruction.memory_displacement, instruction.memory_displ_size = target, 8
        return target
    if mode < 0.12 and pool.relative:
        instruction.memory_base, instruction.memory_displacement = Register.RIP, target
        instruction.memory_displ_size = 8
        return target
    base = rng.choice(pool.bases)
    narrow = mode > 0.93
    index = rng.choice([n for n in pool.bases if n != base]) if rng.random() < 0.5 else None
    scale = rng.choice([1, 2, 4, 8])
    offset = 0
    if index is not None:
        pinned[index] = rng.randrange(0, 0x1000)
        offset = pinned[index] * scale
        instruction.memory_index = _wide(index, narrow)
        instruction.memory_index_scale = scale
    pinned[base] = (target - displ - offset) & ((1 << 64) - 1)
    if narrow:
        pinned[base] = pinned[base] & 0xFFFF_FFFF | rng.getrandbits(32) << 32
    instruction.memory_base = _wide(base, narrow)
    instruction.memory_displacement = displ & (0xFFFF_FFFF if narrow else (1 << 64) - 1)
    instruction.memory_displ_size = (
        0 if displ == 0 else 1 if -128 <= displ < 128 else 4 if narrow else 8
    )
    return target


def _shared_address(
    instruction: Any,
    rng: random.Random,
    pinned: dict[int, int],
    fixed: dict[int, int],
    *,
    aligned: bool,
) -> int:
    """An address in the data, from registers whose values are given; where to."""
    base, *indices = fixed
    target = data_address(rng)
    if rng.random() < 0.98:
        target = min(target, DATA + DATA_SIZE - 64)
    if aligned:
        target &= ~15
    displ = target - fixed[base]
    if rng.random() < 0.5:
        index, scale = rng.choice(indices), rng.choice([1, 2, 4, 8])
        displ -= fixed[index] * scale
        instruction.memory_index, instruction.memory_index_scale = _wide(index, False), scale
    pinned |= fixed
    instruction.memory_base = _wide(base, False)
    instruction.memory_displacement = displ & _MASK64
    instruction.memory_displ_size = 1 if -128 <= displ < 128 else 8
    return target


def _wide(number: int, narrow: bool) -> int:
    name = GPR_NAMES[number].upper()
    if narrow:
        name = name + "D" if number >= 8 else "E" + name[1:]
    return _REGISTERS[name]


def _string(instruction: Any, rng: random.Random, pinned: dict[int, int]) -> None:
    pinned[6], pinned[7] = data_address(rng), data_address(rng)
    pinned[1] = rng.randrange(0, 40)
    prefix = rng.random()
    if prefix < 0.4:
        instruction.has_repe_prefix = True
    elif prefix < 0.6:
        instruction.has_repne_prefix = True
