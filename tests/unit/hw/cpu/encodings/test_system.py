"""Which instructions Python executes: each of them has a function."""

import pytest
from iced_x86 import Code, Decoder, Encoder, Mnemonic

from hw.cpu.encodings.system import is_system
from hw.cpu.system_instructions import TABLE

NAMES = {value: name for name, value in vars(Code).items() if isinstance(value, int)}
MNEMONICS = {value: name for name, value in vars(Mnemonic).items() if isinstance(value, int)}


@pytest.mark.parametrize(("bits", "code"), [
    (64, "0f20c0"), (64, "0f01d0"), (64, "8ed8"), (64, "f4"), (64, "0fa0"), (64, "cd80"),
    (32, "60"), (32, "ea0000000008"+"00"), (32, "c9"), (16, "a4"), (16, "0fa306"+"0010"),
])  # fmt: skip
def test_bytes(bits: int, code: str) -> None:
    instruction = Decoder(bits, bytes.fromhex(code)).decode()
    has_function = MNEMONICS[instruction.mnemonic] in TABLE
    assert is_system(NAMES[instruction.code], legacy=bits != 64) == has_function


def test_moves_of_general_registers_stay_native() -> None:
    assert not is_system("MOV_RM64_R64", legacy=False)
    assert not is_system("BT_RM32_IMM8", legacy=True)
    assert is_system("BT_RM32_R32", legacy=True)
    assert not is_system("BT_RM32_R32", legacy=False)
    assert Encoder(64) is not None
