"""BMI1, BMI2 and ADX: bit fields, masks, scatter and gather of bits, flagless arithmetic.

The third register of a form stands in the micro-op's ``index``.

Spec: AMD64 APM vol. 3, ANDN BEXTR BLSI BLSMSK BLSR BZHI MULX PDEP PEXT RORX SARX SHLX SHRX ADCX
ADOX.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hw.cpu.flags import flags_now, set_ready
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import low, sar, sext, u64, wide
from hw.cpu.semantics.handler import Handler, address
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.spec.registers import RFLAGS_CF, RFLAGS_OF, RFLAGS_SF, RFLAGS_ZF

_RDX: Final = 16


def _value(s: CpuState, u: MicroOp, bits: int, form: str) -> int:
    """The operand that may be memory."""
    return get(s, u.b, bits) if form == "r" else load(s, address(s, u, form), bits)


def _status(s: CpuState, result: int, bits: int, carry: bool) -> None:
    """ZF and SF of the result, CF as given, OF clear; AF and PF are undefined."""
    sign = RFLAGS_SF if result >> (bits - 1) != 0 else 0
    set_ready(s, (RFLAGS_ZF if result == 0 else 0) | sign | (RFLAGS_CF if carry else 0))


def andn(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """ANDN: the operand without the bits of a register."""
    value = _value(s, u, bits, form)
    result = value & ~get(s, u.index, bits)
    put(s, u.a, bits, result)
    _status(s, result, bits, False)


def bextr(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """BEXTR: a bit field; the third register says start (7-0) and length (15-8)."""
    value = _value(s, u, bits, form)
    control = get(s, u.index, 64)
    result = _lowest(_shifted(value, control & 0xFF), control >> 8 & 0xFF)
    put(s, u.a, bits, result)
    set_ready(s, RFLAGS_ZF if result == 0 else 0)


def _shifted(value: int, count: int) -> int:
    """Shifted right by any count."""
    return 0 if count >= 64 else value >> count


def _lowest(value: int, count: int) -> int:
    """The lowest bits, by a number that may be large."""
    return value if count >= 64 else value & (u64(1 << count) - 1)


def bzhi(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """BZHI: the lowest bits; CF says that there are no others."""
    value = _value(s, u, bits, form)
    count = get(s, u.index, 8)
    result = _lowest(value, count)
    put(s, u.a, bits, result)
    _status(s, result, bits, count >= bits)


def blsi(value: int) -> int:
    """The lowest one."""
    return value & u64(0 - value)


def blsmsk(value: int) -> int:
    """Ones up to the lowest one."""
    return value ^ u64(value - 1)


def blsr(value: int) -> int:
    """All but the lowest one."""
    return value & u64(value - 1)


def lowest_one(s: CpuState, u: MicroOp, op: Callable[[int], int], bits: int, form: str) -> None:
    """BLSI, BLSMSK, BLSR; CF says that the operand is 0, BLSI's that it is not."""
    value = _value(s, u, bits, form)
    result = low(op(value), bits)
    put(s, u.a, bits, result)
    _status(s, result, bits, value != 0 if op is blsi else value == 0)


@noinline
def deposit(value: int, mask: int) -> int:
    """The lowest bits of a value to where the mask has ones."""
    result = 0
    left = mask
    rest = value
    while left != 0:
        if rest & 1 != 0:
            result = result | (left & u64(0 - left))
        rest = rest >> 1
        left = left & u64(left - 1)
    return result


@noinline
def gather(value: int, mask: int) -> int:
    """The bits of a value where the mask has ones, side by side."""
    result = 0
    left = mask
    number = 0
    while left != 0:
        if value & left & u64(0 - left) != 0:
            result = result | u64(1 << number)
        number += 1
        left = left & u64(left - 1)
    return result


def pdep(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """PDEP."""
    mask = _value(s, u, bits, form)
    put(s, u.a, bits, deposit(get(s, u.index, bits), mask))


def pext(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """PEXT."""
    mask = _value(s, u, bits, form)
    put(s, u.a, bits, gather(get(s, u.index, bits), mask))


def mulx(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """MULX: rdx times the operand, high half to ``a``, low half to the third register."""
    product = wide(_value(s, u, bits, form)) * wide(get(s, _RDX, bits))
    put(s, u.index, bits, low(u64(product), bits))
    put(s, u.a, bits, low(u64(product >> bits), bits))


def shift_left(value: int, count: int, bits: int) -> int:
    """SHLX."""
    return low(u64(value << count), bits)


def shift_right(value: int, count: int, bits: int) -> int:  # noqa: ARG001
    """SHRX."""
    return value >> count


def shift_arithmetic(value: int, count: int, bits: int) -> int:
    """SARX."""
    return low(sar(sext(value, bits), count), bits)


def shift(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int, form: str) -> None:
    """SHLX, SHRX, SARX: no flags."""
    value = _value(s, u, bits, form)
    put(s, u.a, bits, op(value, get(s, u.index, bits) & (bits - 1), bits))


def rorx(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """RORX: rotate right by an immediate, no flags."""
    value = _value(s, u, bits, form)
    count = u.imm & (bits - 1)
    rest = (bits - count) & (bits - 1)
    put(s, u.a, bits, low(u64(value >> count | value << rest), bits))


def add_with(s: CpuState, u: MicroOp, bits: int, form: str, flag_bit: int) -> None:
    """ADCX, ADOX: addition with CF or OF as its carry; no other flag changes."""
    value = wide(_value(s, u, bits, form))
    flags = flags_now(s)
    total = value + wide(get(s, u.a, bits)) + wide(1 if flags & flag_bit != 0 else 0)
    put(s, u.a, bits, low(u64(total), bits))
    s.rflags = (flags & ~flag_bit) | (flag_bit if u64(total >> bits) != 0 else 0)


_SHIFTS: Final = {"shlx": shift_left, "shrx": shift_right, "sarx": shift_arithmetic}


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in (32, 64):
        for form in "rm":
            end = f"{bits}_r{form}"
            for plain in (andn, bextr, bzhi, pdep, pext, mulx, rorx):
                yield Handler(f"{plain.__name__}{end}", plain, (bits, form))
            for op in (blsi, blsmsk, blsr):
                yield Handler(f"{op.__name__}{end}", lowest_one, (op, bits, form))
            for name, by in _SHIFTS.items():
                yield Handler(f"{name}{end}", shift, (by, bits, form))
            yield Handler(f"adcx{end}", add_with, (bits, form, RFLAGS_CF))
            yield Handler(f"adox{end}", add_with, (bits, form, RFLAGS_OF))
