"""SSE4.2's comparisons of strings: PCMPISTRI, PCMPISTRM, PCMPESTRI, PCMPESTRM.

The first operand (``a``) is a set, ranges or a needle; bit j of a result speaks of element j of the
second. Elements are compared sixteen bytes at a time by the host's plain comparisons.

Spec: AMD64 APM vol. 4, PCMPESTRI; 1.5.1 (the immediate).
Context: native code, oracle.
"""

from collections.abc import Iterator

from hw.cpu.flags import set_ready
from hw.cpu.memory_primitives import put
from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import leading_zeros, low, popcount, sext, slt, trailing_zeros, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.semantics.sse import load128, reg, set_reg
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.cpu.vector_primitives import to_integer, vector
from hw.spec.registers import RFLAGS_CF, RFLAGS_OF, RFLAGS_SF, RFLAGS_ZF

# The immediate.
_WORDS = 1
_SIGNED = 2
_ANY, _RANGES, _EACH, _ORDERED = 0, 1, 2, 3  #: bits 3-2
_NEGATE = 0x10
_ONLY_VALID = 0x20
_LAST_OR_MASK = 0x40

_BYTE_ONES = 0x0101_0101_0101_0101
_WORD_ONES = 0x0001_0001_0001_0001


def _spread(value: int, number: int, words: bool) -> int:
    """Element ``number`` in all elements."""
    if words:
        half = u64(low(u64(value >> wide(number * 16)), 16) * _WORD_ONES)
    else:
        half = u64(low(u64(value >> wide(number * 8)), 8) * _BYTE_ONES)
    return wide(half) | wide(half) << 64


def _bits(compared: int, words: bool) -> int:
    """A bit for each element of a host comparison."""
    if words:
        return to_integer("pmovmskb", vector("packsswb", compared, wide(0)), 32)
    return to_integer("pmovmskb", compared, 32)


def _equal(a: int, b: int, words: bool) -> int:
    return _bits(vector("pcmpeqw" if words else "pcmpeqb", a, b), words)


def _greater(a: int, b: int, words: bool) -> int:
    return _bits(vector("pcmpgtw" if words else "pcmpgtb", a, b), words)


def _biased(value: int, words: bool, signed: int) -> int:
    """Elements such that the host's signed comparison orders them as asked for."""
    half = _WORD_ONES * 0x8000 if words else _BYTE_ONES * 0x80
    flip = 0 if signed != 0 else half
    return value ^ (wide(flip) | wide(flip) << 64)


def _ranges(a: int, b: int, valid: int, words: bool, signed: int) -> int:
    """Elements of b that lie between the pairs of a."""
    below = _biased(a, words, signed)
    inside = _biased(b, words, signed)
    found = 0
    number = 0
    while valid >> number & 2 != 0:
        least = _spread(below, number, words)
        most = _spread(below, number + 1, words)
        found = found | ~(_greater(least, inside, words) | _greater(inside, most, words))
        number += 2
    return found


def _any(a: int, b: int, valid: int, words: bool) -> int:
    """Elements of b that are in a."""
    found = 0
    number = 0
    while valid >> number & 1 != 0:
        found = found | _equal(_spread(a, number, words), b, words)
        number += 1
    return found


def _ordered(a: int, b: int, valid_a: int, valid_b: int, words: bool) -> int:
    """Elements of b at which a, or the beginning of it that has room, stands."""
    full = 0xFF if words else 0xFFFF
    found = full
    number = 0
    while valid_a >> number & 1 != 0:
        here = _equal(_spread(a, number, words), b, words) & valid_b
        found = found & (here >> number | ~(full >> number))
        number += 1
    return found


def _aggregate(a: int, b: int, valid_a: int, valid_b: int, imm: int, words: bool) -> int:
    """IntRes2 of the manual."""
    full = 0xFF if words else 0xFFFF
    kind = imm >> 2 & 3
    if kind == _ANY:
        found = _any(a, b, valid_a, words) & valid_b
    elif kind == _RANGES:
        found = _ranges(a, b, valid_a, words, imm & _SIGNED) & valid_b
    elif kind == _EACH:
        found = (_equal(a, b, words) & valid_a & valid_b) | (~valid_a & ~valid_b & full)
    else:
        found = _ordered(a, b, valid_a, valid_b, words)
    if imm & _NEGATE != 0:
        found = found ^ (valid_b if imm & _ONLY_VALID != 0 else full)
    return found & full


@noinline
def compare_strings(a0: int, a1: int, b0: int, b1: int, valid: int, imm: int) -> int:
    """Compare two vectors, given in halves; ``valid`` are bits of a's elements, above them b's."""
    a = wide(a0) | wide(a1) << 64
    b = wide(b0) | wide(b1) << 64
    if imm & _WORDS != 0:
        return _aggregate(a, b, valid & 0xFFFF, valid >> 16, imm, True)
    return _aggregate(a, b, valid & 0xFFFF, valid >> 16, imm, False)


def _below(count: int) -> int:
    """As many ones, sixteen at most."""
    return 0xFFFF if count >= 16 else (1 << count) - 1


def _before_zero(value: int, imm: int) -> int:
    """Elements before the first that is zero."""
    is_words = imm & _WORDS != 0
    zeroes = _equal(value, wide(0), True) if is_words else _equal(value, wide(0), False)
    return _below(trailing_zeros(zeroes)) & _full(imm)


def _full(imm: int) -> int:
    """A bit for each element."""
    return 0xFF if imm & _WORDS != 0 else 0xFFFF


def _up_to(length: int, imm: int) -> int:
    """Elements of a string whose length, sign-extended, may be negative or too large."""
    count = u64(0 - length) if slt(length, 0) else length
    return _below(count) & _full(imm)


def _lengths(s: CpuState, a: int, b: int, imm: int, length_bits: int) -> tuple[int, int]:
    """Elements of both operands that count; ``length_bits`` is 0 where a zero ends them."""
    if length_bits == 0:
        return _before_zero(a, imm), _before_zero(b, imm)
    return (
        _up_to(sext(s.rax, length_bits), imm),
        _up_to(sext(s.rdx, length_bits), imm),
    )


def _index(found: int, imm: int) -> int:
    """Of the first or last one; the number of elements if there is none."""
    if found == 0:
        return popcount(_full(imm))
    return 63 - leading_zeros(found) if imm & _LAST_OR_MASK != 0 else trailing_zeros(found)


def _expanded(found: int, imm: int) -> int:
    """A mask of elements, all ones where a bit is set."""
    value = wide(0)
    number = 0
    size = 16 if imm & _WORDS != 0 else 8
    while number * size < 128:
        if found >> number & 1 != 0:
            value = value | wide((1 << size) - 1) << wide(number * size)
        number += 1
    return value


def compare(s: CpuState, u: MicroOp, form: str, length_bits: int, wants_index: bool) -> None:
    """All four; the memory operand need not be aligned."""
    imm = u.imm
    b = reg(s, u.b) if form == "r" else load128(s, address(s, u, form), False)
    a = reg(s, u.a)
    valid_a, valid_b = _lengths(s, a, b, imm, length_bits)
    valid = valid_a | valid_b << 16
    found = compare_strings(u64(a), u64(a >> 64), u64(b), u64(b >> 64), valid, imm)
    full = _full(imm)
    status = (RFLAGS_CF if found != 0 else 0) | (RFLAGS_ZF if valid_b != full else 0)
    status = status | (RFLAGS_SF if valid_a != full else 0)
    set_ready(s, status | (RFLAGS_OF if found & 1 != 0 else 0))
    if wants_index:
        put(s, 8, 32, _index(found, imm))
    elif imm & _LAST_OR_MASK != 0:
        set_reg(s, 0, _expanded(found, imm))
    else:
        set_reg(s, 0, wide(found))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for form in "rm":
        for end, wants_index in (("i", True), ("m", False)):
            yield Handler(f"pcmpistr{end}_r{form}", compare, (form, 0, wants_index))
            yield Handler(f"pcmpestr{end}_r{form}", compare, (form, 32, wants_index))
            yield Handler(f"pcmpestr{end}64_r{form}", compare, (form, 64, wants_index))
