"""RCPPS, RCPSS, RSQRTPS, RSQRTSS: our own definition, the same on every host.

Processors differ in every result; the manual bounds the relative error by 1.5 / 4096. Ours are the
exact quotient and root cut to 12 bits, so within 1 / 4096. Denormal operands count as zero, tiny
results become zero, no flag is raised, the rounding mode does not matter.

Spec: AMD64 APM vol. 4, RCPPS RSQRTPS.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.cpu.micro_op import MicroOp
from hw.cpu.primitives import u32, u64, wide
from hw.cpu.semantics.handler import Handler
from hw.cpu.semantics.sse import XMM, element, set_reg, source
from hw.cpu.semantics.sse_integer import put_element
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline

_SIGN: Final = 0x8000_0000
_INFINITY: Final = 0x7F80_0000
_QUIET: Final = 0x0040_0000
_INDEFINITE: Final = 0xFFC0_0000
#: The bit above a fraction.
_ONE: Final = 0x0080_0000


def _cut(quotient: int) -> int:
    """A number up to 2**24 rounded to its 13 highest bits."""
    return (quotient + 0x400) & ~0x7FF


@noinline
def reciprocal(x: int) -> int:
    """1 / x in single precision."""
    sign = x & _SIGN
    exponent = x >> 23 & 0xFF
    fraction = x & (_ONE - 1)
    if exponent == 255:
        return x | _QUIET if fraction != 0 else sign
    if exponent == 0:
        return sign | _INFINITY
    if exponent == 254:
        return sign
    quotient = _cut((1 << 47) // (fraction | _ONE))
    result = u64(((253 - exponent) << 23) + (quotient - _ONE))
    return sign if result < _ONE else sign | result


@noinline
def reciprocal_root(x: int) -> int:
    """1 / sqrt(x) in single precision."""
    exponent = x >> 23 & 0xFF
    fraction = x & (_ONE - 1)
    if exponent == 255 and fraction != 0:
        return x | _QUIET
    if exponent == 0:
        return (x & _SIGN) | _INFINITY
    if x & _SIGN != 0:
        return _INDEFINITE
    if exponent == 255:
        return 0
    even = 1 - (exponent & 1)
    root = _root((1 << 63) // ((fraction | _ONE) << even))
    half = (exponent + 1 - even) >> 1
    return ((190 - half) << 23) + (_cut(root << 4) - _ONE)


def _root(square: int) -> int:
    """Integer square root of a number up to 2**40."""
    root = 0
    bit = 1 << 20
    while bit != 0:
        tried = root | bit
        if tried * tried <= square:
            root = tried
        bit = bit >> 1
    return root


def single(s: CpuState, u: MicroOp, op: Callable[[int], int], form: str) -> None:
    """RCPSS, RSQRTSS: the lowest element."""
    value = source(s, u, form, 32)
    put_element(s, XMM + u.a, 32, op(u32(u64(value))))


def packed(s: CpuState, u: MicroOp, op: Callable[[int], int], form: str) -> None:
    """RCPPS, RSQRTPS: all four."""
    value = source(s, u, form, 128)
    lower = op(element(value, 32, 0)) | op(element(value, 32, 1)) << 32
    upper = op(element(value, 32, 2)) | op(element(value, 32, 3)) << 32
    set_reg(s, u.a, wide(lower) | wide(upper) << 64)


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for form in "rm":
        for name, op in (("rcp", reciprocal), ("rsqrt", reciprocal_root)):
            yield Handler(f"{name}ps_r{form}", packed, (op, form))
            yield Handler(f"{name}ss_r{form}", single, (op, form))
