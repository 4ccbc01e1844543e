"""SSE and SSE2 on integers and bits: arithmetic, shifts, shuffles.

Spec: AMD64 APM vol. 4.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse import XMM, element, reg, set_reg, source
from hw.cpu.semantics.sse_names import INTEGER, SHIFTS, SIGNS
from hw.cpu.state import CpuState
from hw.cpu.vector_primitives import to_integer, vector


def operate(s: CpuState, u: MicroOp, name: str, form: str, bits: int) -> None:
    """A host instruction on two operands."""
    value = source(s, u, form, bits)
    set_reg(s, u.a, vector(name, reg(s, u.a), value))


def shift_immediate(s: CpuState, u: MicroOp, name: str) -> None:
    """Shift elements by an immediate."""
    set_reg(s, u.a, vector(name, reg(s, u.a), wide(u.imm)))


def shift_bytes(s: CpuState, u: MicroOp, left: bool) -> None:
    """PSLLDQ, PSRLDQ; the decoder turns counts above 15 into clearing."""
    bits = wide(u.imm * 8)
    value = reg(s, u.a)
    set_reg(s, u.a, cut128(value << bits) if left else value >> bits)


def cut128(value: int) -> int:
    """Low 128 bits."""
    return wide(u64(value)) | wide(u64(value >> 64)) << 64


def clear(s: CpuState, u: MicroOp) -> None:
    """All bits zero."""
    set_reg(s, u.a, wide(0))


def _four(value: int, other: int, order: int) -> int:
    """Two elements picked from one value, two from another, by an order byte."""
    first = wide(element(value, 32, order & 3)) | wide(element(value, 32, order >> 2 & 3)) << 32
    third = (
        wide(element(other, 32, order >> 4 & 3)) | wide(element(other, 32, order >> 6 & 3)) << 32
    )
    return first | third << 64


def shuffle32(s: CpuState, u: MicroOp, form: str) -> None:
    """PSHUFD."""
    value = source(s, u, form, 128)
    set_reg(s, u.a, _four(value, value, u.imm))


def shufps(s: CpuState, u: MicroOp, form: str) -> None:
    """SHUFPS: two elements of each."""
    value = source(s, u, form, 128)
    set_reg(s, u.a, _four(reg(s, u.a), value, u.imm))


def shufpd(s: CpuState, u: MicroOp, form: str) -> None:
    """SHUFPD: one element of each."""
    value = source(s, u, form, 128)
    first = element(reg(s, u.a), 64, u.imm & 1)
    set_reg(s, u.a, wide(first) | wide(element(value, 64, u.imm >> 1 & 1)) << 64)


def shuffle16(s: CpuState, u: MicroOp, form: str, high: bool) -> None:
    """PSHUFLW, PSHUFHW: four words of one half."""
    value = source(s, u, form, 128)
    half = value >> 64 if high else value
    order = u.imm
    words = element(half, 16, order & 3) | element(half, 16, order >> 2 & 3) << 16
    words |= element(half, 16, order >> 4 & 3) << 32 | element(half, 16, order >> 6 & 3) << 48
    if high:
        set_reg(s, u.a, wide(u64(value)) | wide(words) << 64)
    else:
        set_reg(s, u.a, wide(words) | wide(u64(value >> 64)) << 64)


def insert(s: CpuState, u: MicroOp, form: str, bits: int) -> None:
    """PINSRB to PINSRQ: ``imm`` is the byte offset of the element."""
    value = get(s, u.b, bits) if form == "r" else load(s, address(s, u, form), bits)
    put_element(s, XMM + u.a + u.imm, bits, value)


def put_element(s: CpuState, offset: int, bits: int, value: int) -> None:
    """Write an element of a vector register, which stands at an offset; the others stay."""
    if bits == 32:
        put(s, offset, 16, value)
        put(s, offset + 2, 16, value >> 16)
    else:
        put(s, offset, bits, value)


def extract_word(s: CpuState, u: MicroOp) -> None:
    """PEXTRW: ``imm`` is the byte offset of the word."""
    put(s, u.a, 64, get(s, XMM + u.b + u.imm, 16))


def signs(s: CpuState, u: MicroOp, name: str) -> None:
    """PMOVMSKB, MOVMSKPS, MOVMSKPD: signs of the elements."""
    put(s, u.a, 64, to_integer(name, reg(s, u.b), 32))


_SHUFFLES: Final[dict[str, Callable[..., Any]]] = {
    "pshufd": shuffle32, "shufps": shufps, "shufpd": shufpd,
}  # fmt: skip


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("xmm_clear", clear)
    for left in (True, False):
        yield Handler("pslldq" if left else "psrldq", shift_bytes, (left,))
    for name in SHIFTS:
        yield Handler(f"{name}_ri", shift_immediate, (name,))
    for name in SIGNS:
        yield Handler(name, signs, (name,))
    for form in "rm":
        for name in INTEGER:
            yield Handler(f"{name}_r{form}", operate, (name, form, 128))
        for name, shuffle in _SHUFFLES.items():
            yield Handler(f"{name}_r{form}", shuffle, (form,))
        yield Handler(f"pshuflw_r{form}", shuffle16, (form, False))
        yield Handler(f"pshufhw_r{form}", shuffle16, (form, True))
        yield Handler(f"pinsrw_r{form}", insert, (form, 16))
    yield Handler("pextrw", extract_word)
