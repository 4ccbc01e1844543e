"""BMI1, BMI2, ADX, CRC32, MOVBE, RDRAND: what came later for general registers.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, NONE, PARTIAL, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, bits_of
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory

#: Which operand may be memory, and which is the third register, by shape.
_MEMORY_LAST: Final = (2, 1)
_MEMORY_SECOND: Final = (1, 2)


def _three(places: tuple[int, int], effect: int = NONE) -> Factory:
    """Target, an operand that may be memory, a third register."""
    operand, third = places

    def factory(mnemonic: str, tokens: list[str]) -> Build:
        name = f"{mnemonic}{bits_of(tokens[0])}"
        rr, rm = NUMBER[f"{name}_rr"], NUMBER[f"{name}_rm"]

        def build(d: BlockBuilder, i: Any) -> None:
            a, index = OFFSET[i.op0_register], OFFSET[i.op_register(third)]
            if i.op_kind(operand) == REGISTER_KIND:
                b = OFFSET[i.op_register(operand)]
                d.emit(rr, effect, a=a, b=b, index=index)
            else:
                base, _, _, disp = memory(d, i, indexed=False)
                d.emit(rm, effect | BARRIER, a=a, base=base, index=index, disp=disp)

        return build

    return factory


def _two(effect: int, *, immediate: bool = False) -> Factory:
    """Target and an operand that may be memory, perhaps an immediate."""

    def factory(mnemonic: str, tokens: list[str]) -> Build:
        name = f"{mnemonic}{bits_of(tokens[0])}"
        return _register_or_memory(f"{name}_r", effect, immediate=immediate)

    return factory


def _register_or_memory(name: str, effect: int, *, immediate: bool = False) -> Build:
    rr, rm = NUMBER[f"{name}r"], NUMBER[f"{name}m"]

    def build(d: BlockBuilder, i: Any) -> None:
        a, imm = OFFSET[i.op0_register], i.immediate(2) if immediate else 0
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, effect, a=a, b=OFFSET[i.op1_register], imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, effect | BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


def _checksum(_: str, tokens: list[str]) -> Build:
    return _register_or_memory(f"crc32_{bits_of(tokens[1])}_r", NONE)


def _swapped(mnemonic: str, tokens: list[str]) -> Build:
    """MOVBE."""
    name = f"{mnemonic}{bits_of(tokens[0])}"
    rm, mr = NUMBER[f"{name}_rm"], NUMBER[f"{name}_mr"]

    def build(d: BlockBuilder, i: Any) -> None:
        base, _, _, disp = memory(d, i, indexed=False)
        if i.op0_kind == REGISTER_KIND:
            d.emit(rm, BARRIER, a=OFFSET[i.op0_register], base=base, disp=disp)
        else:
            d.emit(mr, BARRIER, b=OFFSET[i.op1_register], base=base, disp=disp)

    return build


def _random(_: str, tokens: list[str]) -> Build:
    """RDRAND, RDSEED."""
    number = NUMBER[f"random{bits_of(tokens[0])}"]

    def build(d: BlockBuilder, i: Any) -> None:
        d.emit(number, BARRIER, a=OFFSET[i.op0_register], imm=d.next_rip)
        d.end(number)

    return build


def _probe(_: str, __: list[str]) -> Build:
    """CLFLUSH."""
    number = NUMBER["probe"]

    def build(d: BlockBuilder, i: Any) -> None:
        base, _, _, disp = memory(d, i, indexed=False)
        d.emit(number, BARRIER, base=base, disp=disp)

    return build


TABLE: Final[dict[str, Factory]] = {
    "CRC32": _checksum, "MOVBE": _swapped, "RDRAND": _random, "RDSEED": _random,
    "CLFLUSH": _probe, "ADCX": _two(BARRIER | PARTIAL), "ADOX": _two(BARRIER | PARTIAL),
}  # fmt: skip
#: The VEX encodings of general registers.
VEX: Final[dict[str, Factory]] = {
    "ANDN": _three(_MEMORY_LAST, WRITES), "BEXTR": _three(_MEMORY_SECOND, WRITES),
    "BZHI": _three(_MEMORY_SECOND, WRITES),
    **dict.fromkeys(("PDEP", "PEXT", "MULX"), _three(_MEMORY_LAST)),
    **dict.fromkeys(("SHLX", "SHRX", "SARX"), _three(_MEMORY_SECOND)),
    **dict.fromkeys(("BLSI", "BLSMSK", "BLSR"), _two(WRITES)),
    "RORX": _two(NONE, immediate=True),
}  # fmt: skip
