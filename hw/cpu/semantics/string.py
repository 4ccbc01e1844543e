"""String instructions, alone and repeated.

A repeated one updates rcx, rsi and rdi as it goes, so a fault or an interrupt leaves it
restartable. Within pages MOVS and STOS are done at once, upwards by the host's own REP
instructions. Iterations are charged to the chunk but not counted as instructions; after ITERATIONS
of them the instruction is left unfinished, so that a pending interrupt does not wait.

A micro-op's ``disp`` masks addresses and count (32 bits with the address-size prefix), ``b`` is the
segment base of the source.

Spec: AMD64 APM vol. 3, MOVS STOS LODS SCAS CMPS, 1.2.6 (REP).
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu.control import budget_left, dispatch, leave, micro_op_address
from hw.cpu.flags import set_compare
from hw.cpu.memory_primitives import get, host_copy, host_fill, host_load, host_store, put
from hw.cpu.micro_op import PLACE_BITS, SLOT, MicroOp
from hw.cpu.mmu import host_address_for_read, host_address_for_write, load, store
from hw.cpu.page_rules import RULE_ALIGNED
from hw.cpu.primitives import sext, u64
from hw.cpu.semantics.handler import SIZES, Handler, position
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_DF

ITERATIONS: Final = 16384


def _step(s: CpuState, bits: int) -> int:
    """How far an iteration moves the pointers."""
    return u64(0 - bits // 8) if s.rflags & RFLAGS_DF != 0 else bits // 8


def _source(s: CpuState, u: MicroOp) -> int:
    return u64((s.rsi & u.disp) + get(s, u.b, 64))


def _move_rsi(s: CpuState, u: MicroOp, by: int) -> None:
    s.rsi = (s.rsi + by) & u.disp


def _move_rdi(s: CpuState, u: MicroOp, by: int) -> None:
    s.rdi = (s.rdi + by) & u.disp


def movs(s: CpuState, u: MicroOp, bits: int) -> tuple[int, int]:
    """One element from [rsi] to [rdi]."""
    value = load(s, _source(s, u), bits)
    store(s, s.rdi & u.disp, bits, value)
    step = _step(s, bits)
    _move_rsi(s, u, step)
    _move_rdi(s, u, step)
    return 0, 0


def stos(s: CpuState, u: MicroOp, bits: int) -> tuple[int, int]:
    """rax to [rdi]."""
    store(s, s.rdi & u.disp, bits, get(s, 0, bits))
    _move_rdi(s, u, _step(s, bits))
    return 0, 0


def lods(s: CpuState, u: MicroOp, bits: int) -> tuple[int, int]:
    """[rsi] to rax."""
    put(s, 0, bits, load(s, _source(s, u), bits))
    _move_rsi(s, u, _step(s, bits))
    return 0, 0


def scas(s: CpuState, u: MicroOp, bits: int) -> tuple[int, int]:
    """rax and [rdi], to be compared."""
    value = load(s, s.rdi & u.disp, bits)
    _move_rdi(s, u, _step(s, bits))
    return get(s, 0, bits), value


def cmps(s: CpuState, u: MicroOp, bits: int) -> tuple[int, int]:
    """[rsi] and [rdi], to be compared."""
    left = load(s, _source(s, u), bits)
    right = load(s, s.rdi & u.disp, bits)
    step = _step(s, bits)
    _move_rsi(s, u, step)
    _move_rdi(s, u, step)
    return left, right


_OPERATIONS: Final = {"movs": movs, "stos": stos, "lods": lods, "scas": scas, "cmps": cmps}
_COMPARING: Final = ("scas", "cmps")


def once(s: CpuState, u: MicroOp, name: str, bits: int) -> None:
    """Without REP."""
    left, right = _OPERATIONS[name](s, u, bits)
    if name in _COMPARING:
        set_compare(s, left, right, bits)


def _least(a: int, b: int) -> int:
    return a if a < b else b


def _limit() -> int:
    """Iterations at once: where instructions go one by one, without a chunk, so do iterations."""
    return 1 if budget_left() == 0 else ITERATIONS


def _room(s: CpuState, place: int, bits: int) -> int:
    """Elements from ``place`` on, in the direction of the copy, that are whole in its page."""
    size = bits // 8
    if s.rflags & RFLAGS_DF == 0:
        return (4096 - (place & 0xFFF)) // size
    return (place & 0xFFF) // size + 1 if (place & 0xFFF) + size <= 4096 else 0


def _copy_down(target: int, source: int, count: int, bits: int) -> None:
    """Copy elements downwards, one after the other."""
    while count != 0:
        host_store(target, bits, host_load(source, bits))
        target = u64(target - bits // 8)
        source = u64(source - bits // 8)
        count -= 1


def _bulk(s: CpuState, u: MicroOp, name: str, bits: int, count: int) -> int:
    """Elements done at once, up to the end of a page: MOVS, and STOS upwards; 0 if none."""
    upwards = s.rflags & RFLAGS_DF == 0
    target = s.rdi & u.disp
    n = _least(_least(count, _room(s, target, bits)), _limit())
    n = n if s.walk_rules & RULE_ALIGNED == 0 else 0
    if name == "movs":
        n = _least(n, _room(s, _source(s, u), bits))
        if n != 0:
            source_host = host_address_for_read(s, _source(s, u))
            target_host = host_address_for_write(s, target)
            if upwards:
                host_copy(target_host, source_host, n, bits)
            else:
                _copy_down(target_host, source_host, n, bits)
            _move_rsi(s, u, u64(_step(s, bits) * n))
            _move_rdi(s, u, u64(_step(s, bits) * n))
        return n
    if upwards and n != 0:
        host_fill(host_address_for_write(s, target), s.rax, n, bits)
        _move_rdi(s, u, n * (bits // 8))
        return n
    return 0


def repeated(s: CpuState, u: MicroOp, name: str, bits: int) -> None:
    """MOVS, STOS, LODS with REP."""
    done = 0
    limit = _limit()
    while s.rcx & u.disp != 0 and done < limit:
        count = s.rcx & u.disp
        bulk = 0 if name == "lods" else _bulk(s, u, name, bits, count)
        if bulk == 0:
            _OPERATIONS[name](s, u, bits)
        n = 1 if bulk == 0 else bulk
        s.rcx = count - n
        done += n
    charge(s, u, done, s.rcx & u.disp != 0)


def compared(s: CpuState, u: MicroOp, name: str, bits: int, while_equal: int) -> None:
    """SCAS, CMPS with REPE (``while_equal`` 1) or REPNE; a fault leaves the flags as they were."""
    done = 0
    left = 0
    right = 0
    more = True
    limit = _limit()
    while s.rcx & u.disp != 0 and done < limit and more:
        left, right = _OPERATIONS[name](s, u, bits)
        s.rcx = (s.rcx & u.disp) - 1
        done += 1
        more = (left == right) == (while_equal != 0)
    unfinished = s.rcx & u.disp != 0 and more
    if done != 0 and not unfinished:
        set_compare(s, left, right, bits)
    charge(s, u, done, unfinished)


def charge(s: CpuState, u: MicroOp, done: int, unfinished: bool) -> None:
    """Go on, or leave to come back; iterations use up the chunk but are not counted."""
    s.instructions = u64(s.instructions - done)
    if unfinished:
        s.rip = sext(u.place, PLACE_BITS)
        s.link_slot = 0
        leave(u64(budget_left() - position(u) - done))
    else:
        dispatch(micro_op_address(SLOT), u64(budget_left() - done))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for name in _OPERATIONS:
            yield Handler(f"{name}{bits}", once, (name, bits))
            if name in _COMPARING:
                yield Handler(f"rep_{name}{bits}", compared, (name, bits, 1))
                yield Handler(f"repne_{name}{bits}", compared, (name, bits, 0))
            else:
                yield Handler(f"rep_{name}{bits}", repeated, (name, bits))
