"""Register bits against Linux's header; encoding order against the disassembler."""

import re

import iced_x86
import pytest

from hw.spec import registers
from tests.support import host_headers

#: Where Linux's name is not the architecture's.
SYNONYMS = {"RFLAGS": "X86_EFLAGS", "CR0": "X86_CR0", "CR4": "X86_CR4"}
BITS = [
    name
    for name in vars(registers)
    if re.match(r"(RFLAGS|CR0|CR4)_", name) and name not in ("RFLAGS_STATUS", "RFLAGS_FREE")
]


def test_flags_and_control_bits_are_those_of_linux():
    asked = [re.sub(r"^[A-Z0-9]+", lambda m: SYNONYMS[m[0]], name) for name in BITS]
    theirs = host_headers.named_values(["asm/processor-flags.h"], asked)
    assert {name: getattr(registers, name) for name in BITS} == dict(
        zip(BITS, theirs.values(), strict=True)
    )
    assert len(BITS) > 30


@pytest.mark.parametrize("number", range(16))
def test_general_registers_are_in_encoding_order(number: int):
    code = bytes([0x48 | number >> 3, 0xB8 | number & 7, *range(8)])  # mov r64, imm64
    got = next(iter(iced_x86.Decoder(64, code)))
    name = iced_x86.Formatter(iced_x86.FormatterSyntax.NASM).format_register(got.op0_register)
    assert name == registers.GPR_NAMES[number]


def test_arithmetic_writes_what_the_disassembler_says():
    add = next(iter(iced_x86.Decoder(64, b"\x48\x01\xc8")))
    expected = 0
    for letter in ("CF", "PF", "AF", "ZF", "SF", "OF"):
        assert add.rflags_modified & getattr(iced_x86.RflagsBits, letter)
        expected |= getattr(registers, f"RFLAGS_{letter}")
    assert expected == registers.RFLAGS_STATUS
    assert add.rflags_modified.bit_count() == registers.RFLAGS_STATUS.bit_count()


def test_long_mode_bits_of_efer():
    numbers = {"SCE": 0, "LME": 8, "LMA": 10, "NXE": 11, "SVME": 12}  # APM vol. 2, 3.1.7
    assert {n: getattr(registers, f"EFER_{n}") for n in numbers} == {
        name: 1 << bit for name, bit in numbers.items()
    }
