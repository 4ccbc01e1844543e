"""SSE3, SSSE3, SSE4.1, SSE4.2 with vector registers.

State: none. Context: Python, while decoding.
"""

from typing import Any, Final

from iced_x86 import OpKind, Register

from hw.cpu.block_builder import ADDRESS, BARRIER, NONE, WRITES, BlockBuilder
from hw.cpu.encodings.token import NUMBER, Build, Factory
from hw.cpu.encodings.vectors import move, two, vector_offset
from hw.cpu.operands import OFFSET, REGISTER_KIND, memory, segment_base
from hw.cpu.semantics.sse4 import BLENDS
from hw.cpu.semantics.sse_names import LATER_INTEGER, ROUND_IMMEDIATES, ROUNDS, WIDENING

_ELEMENT_BITS: Final = {"b": 8, "w": 16, "d": 32, "q": 64, "s": 32}


def _operation(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic)


def _compare(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, WRITES)


def _with_immediate(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, imm_mask=0xFF)


def _dot_product(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, BARRIER, imm_mask=0xFF)


def _string_compare(mnemonic: str, _: list[str]) -> Build:
    return two(mnemonic, WRITES, imm_mask=0xFF)


def _chosen(canonical: tuple[int, ...]) -> Factory:
    """A handler for each immediate that differs: immediate to handler by table."""

    def factory(mnemonic: str, _: list[str]) -> Build:
        builds = [two(f"{mnemonic}{value}", BARRIER) for value in canonical]
        mask = len(canonical) - 1

        def build(d: BlockBuilder, i: Any) -> None:
            builds[i.immediate(2) & mask](d, i)

        return build

    return factory


#: ROUNDPS: bit 2 says MXCSR's mode, whatever bits 1 and 0 are.
_ROUND_MODES: Final = tuple(v if v in ROUND_IMMEDIATES else v & 12 for v in range(16))
_MPSADBW_BLOCKS: Final = tuple(range(8))


def _insert(mnemonic: str, _: list[str]) -> Build:
    """PINSRB, PINSRD, PINSRQ."""
    bits = _ELEMENT_BITS[mnemonic[-1]]
    rr, rm = NUMBER[f"xmm_insert{bits}_rr"], NUMBER[f"xmm_insert{bits}_rm"]
    size = bits // 8

    def build(d: BlockBuilder, i: Any) -> None:
        a, imm = vector_offset(i.op0_register), i.immediate(2) * size & 15
        if i.op1_kind == REGISTER_KIND:
            d.emit(rr, NONE, a=a, b=OFFSET[i.op1_register], imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(rm, BARRIER, a=a, base=base, disp=disp, imm=imm)

    return build


def _extract(mnemonic: str, _: list[str]) -> Build:
    """PEXTRB to PEXTRQ, EXTRACTPS."""
    bits = _ELEMENT_BITS[mnemonic[-1]]
    r, m = NUMBER[f"xmm_extract{bits}_r"], NUMBER[f"xmm_extract{bits}_m"]
    size = bits // 8

    def build(d: BlockBuilder, i: Any) -> None:
        b, imm = vector_offset(i.op1_register), i.immediate(2) * size & 15
        if i.op0_kind == REGISTER_KIND:
            d.emit(r, NONE, a=OFFSET[i.op0_register], b=b, imm=imm)
        else:
            base, _, _, disp = memory(d, i, indexed=False)
            d.emit(m, BARRIER, b=b, base=base, disp=disp, imm=imm)

    return build


def _mask_move(mnemonic: str, _: list[str]) -> Build:
    """MASKMOVDQU: its memory operand is at rdi."""
    number, wide_ea, narrow_ea = NUMBER[mnemonic], NUMBER["ea"], NUMBER["ea32"]

    def build(d: BlockBuilder, i: Any) -> None:
        narrow = i.op0_kind == OpKind.MEMORY_SEG_EDI
        d.emit(
            narrow_ea if narrow else wide_ea, NONE,
            b=segment_base(i), base=OFFSET[Register.RDI],
        )  # fmt: skip
        a, b = vector_offset(i.op1_register), vector_offset(i.op2_register)
        d.emit(number, BARRIER, a=a, b=b, base=ADDRESS)

    return build


#: By mnemonic; only encodings with vector registers come here.
TABLE: Final[dict[str, Factory]] = {
    **{n.upper(): _operation for n in (*LATER_INTEGER, *WIDENING)},
    **dict.fromkeys(("PBLENDVB", "BLENDVPS", "BLENDVPD"), _operation),
    **{n.upper(): _with_immediate for n in (*BLENDS, "palignr", "insertps")},
    **dict.fromkeys(("DPPS", "DPPD"), _dot_product),
    **{n.upper(): _chosen(_ROUND_MODES) for n in ROUNDS},
    "MPSADBW": _chosen(_MPSADBW_BLOCKS),
    "PTEST": _compare,
    **{f"PCMP{k}STR{e}": _string_compare for k in "IE" for e in "IM"},
    "PCMPESTRI64": _string_compare, "PCMPESTRM64": _string_compare,
    **dict.fromkeys(("PINSRB", "PINSRD", "PINSRQ"), _insert),
    **dict.fromkeys(("PEXTRB", "PEXTRW", "PEXTRD", "PEXTRQ", "EXTRACTPS"), _extract),
    "LDDQU": move("xmm_movu_r?", "xmm_movu_?r", "xmm_mov_rr"),
    "MOVNTDQA": move("xmm_mova_r?", "xmm_mova_?r", "xmm_mov_rr"),
    "MASKMOVDQU": _mask_move,
}  # fmt: skip
