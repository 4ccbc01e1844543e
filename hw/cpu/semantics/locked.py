"""Read-modify-write that is atomic between cores: LOCK, XCHG, XADD, CMPXCHG.

An aligned operand lies in one host word, so the host's own atomic instruction does it. An unaligned
one may straddle cache lines or pages: the instruction is run again alone, while all other cores
stand still (EXIT_EXCLUSIVE), and is then plain.

Spec: AMD64 APM vol. 2, 7.3.2; vol. 3, LOCK XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B.
Context: native code, oracle.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from hw.cpu.access_faults import exception
from hw.cpu.control import leave_fault
from hw.cpu.exits import EXIT_EXCLUSIVE
from hw.cpu.flags import flags_now, set_compare
from hw.cpu.memory_primitives import atomic_cas, atomic_cas128, atomic_rmw, get, host_load, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import host_address_for_write, load_for_update, store
from hw.cpu.primitives import low, u32
from hw.cpu.semantics import alu
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_ZF
from hw.spec.vectors import GENERAL_PROTECTION


def must_run_alone(s: CpuState) -> None:
    """Go on only in the run that has the machine for itself."""
    if s.single == 0:
        s.fault = 1
        s.exit_reason = EXIT_EXCLUSIVE
        leave_fault()


def locked_update(
    s: CpuState, place: int, bits: int, new_of: Callable[..., int], operand: Any
) -> int:
    """Replace memory by new_of(old, operand) atomically; return the old value."""
    if place & (bits // 8 - 1) == 0:
        host = host_address_for_write(s, place)
        old = host_load(host, bits)
        while True:
            found = atomic_cas(host, bits, old, low(new_of(old, operand), bits))
            if found == old:
                break
            old = found
    else:
        must_run_alone(s)
        old = load_for_update(s, place, bits)
        store(s, place, bits, low(new_of(old, operand), bits))
    return old


def locked_add(s: CpuState, place: int, bits: int, verb: str, operand: int) -> int:
    """Atomic add, sub or xchg; return the old value."""
    if place & (bits // 8 - 1) == 0:
        host = host_address_for_write(s, place)
        old = atomic_rmw(verb, host, bits, operand)
    else:
        must_run_alone(s)
        old = load_for_update(s, place, bits)
        store(s, place, bits, low(_PLAIN[verb](old, operand), bits))
    return old


def _sum(a: int, b: int) -> int:
    return a + b


def _difference(a: int, b: int) -> int:
    return a - b


def _second(a: int, b: int) -> int:
    return b | 0 * a


_PLAIN: Final = {"add": _sum, "sub": _difference, "xchg": _second}


def _quiet(old: int, operand: tuple[Any, ...]) -> int:
    """The result of an arithmetic operation without its flags."""
    result: int = operand[0](operand[1], old, operand[2], operand[3], False)
    return result


def lock_binary(s: CpuState, u: MicroOp, op: alu.Operation, bits: int, immediate: bool) -> None:
    """LOCK ADD to XOR of memory with a register or an immediate."""
    place = address(s, u, "m")
    operand = low(u.imm, bits) if immediate else get(s, u.b, bits)
    if op is alu.add:
        old = locked_add(s, place, bits, "add", operand)
    elif op is alu.sub:
        old = locked_add(s, place, bits, "sub", operand)
    else:
        old = locked_update(s, place, bits, _quiet, (op, s, operand, bits))
    op(s, old, operand, bits, True)


def _quiet_unary(old: int, operand: tuple[Any, ...]) -> int:
    result: int = operand[0](operand[1], old, operand[2], False)
    return result


def lock_unary(s: CpuState, u: MicroOp, op: Callable[..., int], bits: int) -> None:
    """LOCK INC DEC NEG NOT."""
    old = locked_update(s, address(s, u, "m"), bits, _quiet_unary, (op, s, bits))
    op(s, old, bits, True)


def xchg_m(s: CpuState, u: MicroOp, bits: int) -> None:
    """XCHG with memory, atomic with or without LOCK."""
    value = get(s, u.b, bits)
    put(s, u.b, bits, locked_add(s, address(s, u, "m"), bits, "xchg", value))


def xadd_r(s: CpuState, u: MicroOp, bits: int) -> None:
    """XADD of registers: the source gets the old value, then the target the sum."""
    left = get(s, u.a, bits)
    right = get(s, u.b, bits)
    put(s, u.b, bits, left)
    put(s, u.a, bits, alu.add(s, left, right, bits, True))


def xadd_m(s: CpuState, u: MicroOp, bits: int, locked: bool) -> None:
    """XADD with memory."""
    place = address(s, u, "m")
    operand = get(s, u.b, bits)
    if locked:
        old = locked_add(s, place, bits, "add", operand)
    else:
        old = load_for_update(s, place, bits)
        store(s, place, bits, low(old + operand, bits))
    alu.add(s, old, operand, bits, True)
    put(s, u.b, bits, old)


def cmpxchg_r(s: CpuState, u: MicroOp, bits: int) -> None:
    """CMPXCHG of registers; the one of rax and the target that is not chosen stays whole."""
    expected = get(s, 0, bits)
    old = get(s, u.a, bits)
    set_compare(s, expected, old, bits)
    if expected == old:
        put(s, u.a, bits, get(s, u.b, bits))
    else:
        put(s, 0, bits, old)


def _chosen(old: int, operand: tuple[int, int]) -> int:
    return operand[1] if old == operand[0] else old


def cmpxchg_m(s: CpuState, u: MicroOp, bits: int, locked: bool) -> None:
    """CMPXCHG with memory, which is written in any case."""
    place = address(s, u, "m")
    expected = get(s, 0, bits)
    new = get(s, u.b, bits)
    if locked:
        old = _locked_compare(s, place, bits, expected, new)
    else:
        old = load_for_update(s, place, bits)
        store(s, place, bits, new if old == expected else old)
    set_compare(s, expected, old, bits)
    if expected != old:
        put(s, 0, bits, old)


def _locked_compare(s: CpuState, place: int, bits: int, expected: int, new: int) -> int:
    if place & (bits // 8 - 1) == 0:
        old = atomic_cas(host_address_for_write(s, place), bits, expected, new)
    else:
        must_run_alone(s)
        old = load_for_update(s, place, bits)
        store(s, place, bits, _chosen(old, (expected, new)))
    return old


def _zero_flag(s: CpuState, equal: bool) -> None:
    s.rflags = (flags_now(s) & ~RFLAGS_ZF) | (RFLAGS_ZF if equal else 0)


def cmpxchg8b(s: CpuState, u: MicroOp, locked: bool) -> None:
    """CMPXCHG8B: edx:eax with memory, ecx:ebx in; only ZF."""
    place = address(s, u, "m")
    expected = u32(s.rax) | u32(s.rdx) << 32
    new = u32(s.rbx) | u32(s.rcx) << 32
    if locked:
        old = _locked_compare(s, place, 64, expected, new)
    else:
        old = load_for_update(s, place, 64)
        store(s, place, 64, new if old == expected else old)
    _zero_flag(s, old == expected)
    if old != expected:
        s.rax = u32(old)
        s.rdx = old >> 32


def cmpxchg16b(s: CpuState, u: MicroOp) -> None:
    """CMPXCHG16B: rdx:rax with memory, rcx:rbx in; atomic always, only ZF; #GP if not aligned."""
    place = address(s, u, "m")
    if place & 15 != 0:
        exception(s, GENERAL_PROTECTION, 0)
        leave_fault()
    host = host_address_for_write(s, place)
    lower, upper = atomic_cas128(host, s.rax, s.rdx, s.rbx, s.rcx)
    equal = lower == s.rax and upper == s.rdx
    _zero_flag(s, equal)
    if not equal:
        s.rax = lower
        s.rdx = upper


_BINARY: Final = {
    "add": alu.add, "or": alu.or_, "adc": alu.adc, "sbb": alu.sbb,
    "and": alu.and_, "sub": alu.sub, "xor": alu.xor,
}  # fmt: skip
_UNARY: Final = {"inc": alu.inc, "dec": alu.dec, "neg": alu.neg, "not": alu.not_}


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for name, op in _BINARY.items():
            yield Handler(f"lock_{name}{bits}_mr", lock_binary, (op, bits, False))
            yield Handler(f"lock_{name}{bits}_mi", lock_binary, (op, bits, True))
        for name, unary in _UNARY.items():
            yield Handler(f"lock_{name}{bits}_m", lock_unary, (unary, bits))
        yield Handler(f"xchg{bits}_m", xchg_m, (bits,))
        yield Handler(f"xadd{bits}_r", xadd_r, (bits,))
        yield Handler(f"cmpxchg{bits}_r", cmpxchg_r, (bits,))
        for locked in (True, False):
            prefix = "lock_" if locked else ""
            yield Handler(f"{prefix}xadd{bits}_m", xadd_m, (bits, locked))
            yield Handler(f"{prefix}cmpxchg{bits}_m", cmpxchg_m, (bits, locked))
    for locked in (True, False):
        yield Handler(f"{'lock_' if locked else ''}cmpxchg8b", cmpxchg8b, (locked,))
    yield Handler("cmpxchg16b", cmpxchg16b)
