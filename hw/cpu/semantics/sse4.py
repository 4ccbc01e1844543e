"""SSE3, SSSE3 and SSE4.1: what the host executes, and blends, inserts, extracts, alignments.

Spec: AMD64 APM vol. 4.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.flags import set_ready
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse import XMM, chosen_elements, element, reg, set_reg, source
from hw.cpu.semantics.sse_float import rounds
from hw.cpu.semantics.sse_integer import cut128, insert, operate
from hw.cpu.semantics.sse_names import LATER_INTEGER, WIDENING, with_immediate
from hw.cpu.state import CpuState
from hw.cpu.vector_primitives import vector
from hw.spec.registers import RFLAGS_CF, RFLAGS_ZF

#: Sizes of the elements of the blends by an immediate.
BLENDS: Final = {"pblendw": 16, "blendps": 32, "blendpd": 64}


def blend(s: CpuState, u: MicroOp, form: str, bits: int) -> None:
    """PBLENDW, BLENDPS, BLENDPD: the elements whose bit in the immediate is set."""
    value = source(s, u, form, 128)
    chosen = chosen_elements(u.imm, bits)
    set_reg(s, u.a, (reg(s, u.a) & ~chosen) | (value & chosen))


def blend_by_signs(s: CpuState, u: MicroOp, form: str, bits: int) -> None:
    """PBLENDVB, BLENDVPS, BLENDVPD: the elements whose sign in XMM0 is set."""
    value = source(s, u, form, 128)
    signs = reg(s, 0)
    if bits == 32:
        chosen = vector("psrad", signs, wide(31))
    elif bits == 8:
        chosen = vector("pcmpgtb", wide(0), signs)
    else:
        chosen = vector("pcmpgtq", wide(0), signs)
    set_reg(s, u.a, (reg(s, u.a) & ~chosen) | (value & chosen))


def test(s: CpuState, u: MicroOp, form: str) -> None:
    """PTEST: ZF says that no bit is common, CF that none of the source is without a partner."""
    value = source(s, u, form, 128)
    target = reg(s, u.a)
    common = value & target
    alone = value & ~target
    zf = RFLAGS_ZF if u64(common) | u64(common >> 64) == 0 else 0
    set_ready(s, zf | (RFLAGS_CF if u64(alone) | u64(alone >> 64) == 0 else 0))


def align(s: CpuState, u: MicroOp, form: str) -> None:
    """PALIGNR: target and source side by side, shifted right by ``imm`` bytes."""
    value = source(s, u, form, 128)
    target = reg(s, u.a)
    bits = wide((u.imm & 15) * 8)
    kind = u.imm >> 4
    if kind == 0:
        joined = value >> bits
        if u.imm != 0:
            joined = joined | cut128(target << wide(128) - bits)
        set_reg(s, u.a, joined)
    elif kind == 1:
        set_reg(s, u.a, target >> bits)
    else:
        set_reg(s, u.a, wide(0))


def insert_single(s: CpuState, u: MicroOp, form: str) -> None:
    """INSERTPS: the element imm 7-6 of a register, or memory, to element imm 5-4; then zeroes."""
    if form == "r":
        value = element(reg(s, u.b), 32, u.imm >> 6)
    else:
        value = load(s, address(s, u, form), 32)
    place = wide((u.imm >> 4 & 3) * 32)
    merged = (reg(s, u.a) & ~(wide(0xFFFF_FFFF) << place)) | wide(value) << place
    set_reg(s, u.a, merged & ~chosen_elements(u.imm, 32))


def extract_to_register(s: CpuState, u: MicroOp, bits: int) -> None:
    """PEXTRB to PEXTRQ, EXTRACTPS: ``imm`` is the byte offset of the element."""
    put(s, u.a, 64, get(s, XMM + u.b + u.imm, bits))


def extract_to_memory(s: CpuState, u: MicroOp, bits: int) -> None:
    """The same to memory."""
    store(s, address(s, u, "m"), bits, get(s, XMM + u.b + u.imm, bits))


def mask_move(s: CpuState, u: MicroOp) -> None:
    """MASKMOVDQU: the bytes of ``a`` whose sign in ``b`` is set; all are checked first."""
    place = address(s, u, "m")
    number = 0
    while number < 16:
        if get(s, XMM + u.b + number, 8) >= 0x80:
            load_for_update(s, u64(place + number), 8)
        number += 1
    number = 0
    while number < 16:
        if get(s, XMM + u.b + number, 8) >= 0x80:
            store(s, u64(place + number), 8, get(s, XMM + u.a + number, 8))
        number += 1


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("maskmovdqu", mask_move)
    for bits in (8, 16, 32, 64):
        yield Handler(f"xmm_extract{bits}_r", extract_to_register, (bits,))
        yield Handler(f"xmm_extract{bits}_m", extract_to_memory, (bits,))
    for form in "rm":
        for name in LATER_INTEGER:
            yield Handler(f"{name}_r{form}", operate, (name, form, 128))
        for name, bits in WIDENING.items():
            yield Handler(f"{name}_r{form}", operate, (name, form, bits))
        for name, bits in BLENDS.items():
            yield Handler(f"{name}_r{form}", blend, (form, bits))
        for name, bits in (("pblendvb", 8), ("blendvps", 32), ("blendvpd", 64)):
            yield Handler(f"{name}_r{form}", blend_by_signs, (form, bits))
        for bits in (8, 32, 64):
            yield Handler(f"xmm_insert{bits}_r{form}", insert, (form, bits))
        for value in range(8):
            host = with_immediate("mpsadbw", value)
            yield Handler(f"mpsadbw{value}_r{form}", operate, (host, form, 128))
        yield Handler(f"ptest_r{form}", test, (form,))
        yield Handler(f"palignr_r{form}", align, (form,))
        yield Handler(f"insertps_r{form}", insert_single, (form,))
    yield from rounds()
