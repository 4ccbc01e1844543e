"""FXSAVE, XSAVE and their like: one memory operand.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from hw.cpu.block_builder import BARRIER, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory, simple
from hw.cpu.operands import memory


def _area(mnemonic: str, _: list[str]) -> Build:
    number = NUMBER[mnemonic]

    def build(d: BlockBuilder, i: Any) -> None:
        base, _, _, disp = memory(d, i, indexed=False)
        d.emit(number, BARRIER, base=base, disp=disp)

    return build


_AREAS: Final = ("FXSAVE", "FXRSTOR", "XSAVE", "XSAVEOPT", "XRSTOR")

TABLE: Final[dict[str, Factory]] = {
    **{f"{name}{suffix}": _area for name in _AREAS for suffix in ("", "64")},
    "XGETBV": simple("xgetbv", BARRIER),
    "XSETBV": simple("xsetbv", BARRIER),
}
