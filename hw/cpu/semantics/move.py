"""Moves between registers, memory and immediates; addresses; conditional moves.

Spec: AMD64 APM vol. 3, MOV MOVZX MOVSX MOVSXD LEA XCHG CMOVcc SETcc BSWAP CBW..CDQE CWD..CQO.
Context: native code, oracle.
"""

from collections.abc import Iterator

from hw.cpu.flags import COMPARE_CONDITIONS, compare_holds, holds
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load, load_for_update, store
from hw.cpu.primitives import byte_swap, flag, low, sar, sext, u32, u64
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState


def mov_rr(s: CpuState, u: MicroOp, bits: int) -> None:
    """Register to register."""
    put(s, u.a, bits, get(s, u.b, bits))


def mov_ri(s: CpuState, u: MicroOp, bits: int) -> None:
    """Immediate to register."""
    put(s, u.a, bits, u.imm)


def mov_rm(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """Memory to register."""
    put(s, u.a, bits, load(s, address(s, u, form), bits))


def mov_mr(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """Register to memory."""
    store(s, address(s, u, form), bits, get(s, u.b, bits))


def mov_mi(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """Immediate to memory."""
    store(s, address(s, u, form), bits, low(u.imm, bits))


def movzx_rr(s: CpuState, u: MicroOp, bits: int, source: int) -> None:
    """Register, zero-extended."""
    put(s, u.a, bits, get(s, u.b, source))


def movzx_rm(s: CpuState, u: MicroOp, bits: int, source: int, form: str) -> None:
    """Memory, zero-extended."""
    put(s, u.a, bits, load(s, address(s, u, form), source))


def movsx_rr(s: CpuState, u: MicroOp, bits: int, source: int) -> None:
    """Register, sign-extended."""
    put(s, u.a, bits, sext(get(s, u.b, source), source))


def movsx_rm(s: CpuState, u: MicroOp, bits: int, source: int, form: str) -> None:
    """Memory, sign-extended."""
    put(s, u.a, bits, sext(load(s, address(s, u, form), source), source))


def lea(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """Effective address to register."""
    put(s, u.a, bits, address(s, u, form))


def effective_address(s: CpuState, u: MicroOp) -> None:
    """Leave base + index + disp + segment base (b) in ``s.address`` for the next micro-op."""
    s.address = u64(address(s, u, "x") + get(s, u.b, 64))


def effective_address_32(s: CpuState, u: MicroOp) -> None:
    """The same with the address-size prefix: 32 bits before the segment base is added."""
    s.address = u64(u32(address(s, u, "x")) + get(s, u.b, 64))


def xchg_rr(s: CpuState, u: MicroOp, bits: int) -> None:
    """Swap registers."""
    left = get(s, u.a, bits)
    right = get(s, u.b, bits)
    put(s, u.a, bits, right)
    put(s, u.b, bits, left)


def bswap(s: CpuState, u: MicroOp, bits: int) -> None:
    """Reverse the bytes."""
    put(s, u.a, bits, byte_swap(get(s, u.a, bits)) >> (64 - bits))


def sign_to_rdx(s: CpuState, u: MicroOp, bits: int) -> None:  # noqa: ARG001
    """CWD, CDQ, CQO: rdx becomes copies of rax's sign."""
    put(s, 16, bits, sar(sext(get(s, 0, bits), bits), 63))


def extend_rax(s: CpuState, u: MicroOp, bits: int) -> None:  # noqa: ARG001
    """CBW, CWDE, CDQE: rax sign-extended from its lower half."""
    put(s, 0, bits, sext(get(s, 0, bits // 2), bits // 2))


def condition(s: CpuState, code: int, after_compare: bool) -> bool:
    """Whether a condition holds; cheaper where the block's last flags came from a comparison."""
    if after_compare:
        return compare_holds(s.flag_a, s.flag_b, code)
    return holds(s, code)


def cmov_rr(s: CpuState, u: MicroOp, bits: int, code: int, after_compare: bool) -> None:
    """Conditional move; 32 bits clear the upper half in any case."""
    old = get(s, u.a, bits)
    new = get(s, u.b, bits)
    put(s, u.a, bits, new if condition(s, code, after_compare) else old)


def cmov_rm(s: CpuState, u: MicroOp, bits: int, code: int) -> None:
    """Conditional move; the memory is read in any case."""
    new = load(s, address(s, u, "m"), bits)
    old = get(s, u.a, bits)
    put(s, u.a, bits, new if holds(s, code) else old)


def put_byte(s: CpuState, number: int, value: int) -> None:
    """Write a byte register by storing all of its 64 bits.

    What reads the whole register next would have to wait for two stores.
    """
    whole = number & 0xF8
    shift = (number & 1) << 3
    kept = get(s, whole, 64) & ~(0xFF << shift)
    put(s, whole, 64, kept | value << shift)


def set_r(s: CpuState, u: MicroOp, code: int, after_compare: bool) -> None:
    """1 or 0 to a byte register."""
    put_byte(s, u.a, flag(condition(s, code, after_compare)))


def set_m(s: CpuState, u: MicroOp, code: int) -> None:
    """1 or 0 to a byte of memory."""
    store(s, address(s, u, "m"), 8, flag(holds(s, code)))


def swapped_load(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVBE from memory: the bytes in reverse order."""
    put(s, u.a, bits, byte_swap(load(s, address(s, u, "m"), bits)) >> (64 - bits))


def swapped_store(s: CpuState, u: MicroOp, bits: int) -> None:
    """MOVBE to memory."""
    store(s, address(s, u, "m"), bits, byte_swap(get(s, u.b, bits)) >> (64 - bits))


def probe(s: CpuState, u: MicroOp) -> None:
    """CLFLUSH: caches are coherent here; what is left is that it faults as a load does."""
    load(s, address(s, u, "m"), 8)


def touch(s: CpuState, u: MicroOp, bits: int) -> None:
    """Write memory back unchanged: a shift by 0."""
    place = address(s, u, "m")
    store(s, place, bits, load_for_update(s, place, bits))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("ea", effective_address)
    yield Handler("ea32", effective_address_32)
    yield Handler("probe", probe)
    for bits in SIZES:
        yield Handler(f"touch{bits}", touch, (bits,))
        yield Handler(f"mov{bits}_rr", mov_rr, (bits,))
        yield Handler(f"mov{bits}_ri", mov_ri, (bits,))
        for form in "mx":
            yield Handler(f"mov{bits}_r{form}", mov_rm, (bits, form))
            yield Handler(f"mov{bits}_{form}r", mov_mr, (bits, form))
            yield Handler(f"mov{bits}_{form}i", mov_mi, (bits, form))
        yield Handler(f"xchg{bits}_rr", xchg_rr, (bits,))
    for bits in (16, 32, 64):
        yield Handler(f"movbe{bits}_rm", swapped_load, (bits,))
        yield Handler(f"movbe{bits}_mr", swapped_store, (bits,))
        for form in "mx":
            yield Handler(f"lea{bits}_{form}", lea, (bits, form))
        yield Handler(f"sign{bits}", sign_to_rdx, (bits,))
        yield Handler(f"extend{bits}", extend_rax, (bits,))
        for source in (8, 16, 32):
            if source < bits:
                yield from _extensions(bits, source)
    for bits in (32, 64):
        yield Handler(f"bswap{bits}", bswap, (bits,))
    yield from _conditional()


def _extensions(bits: int, source: int) -> Iterator[Handler]:
    yield Handler(f"movzx{bits}_{source}_rr", movzx_rr, (bits, source))
    yield Handler(f"movsx{bits}_{source}_rr", movsx_rr, (bits, source))
    for form in "mx":
        yield Handler(f"movzx{bits}_{source}_r{form}", movzx_rm, (bits, source, form))
        yield Handler(f"movsx{bits}_{source}_r{form}", movsx_rm, (bits, source, form))


def _conditional() -> Iterator[Handler]:
    for code in range(16):
        yield Handler(f"set{code}_r", set_r, (code, False))
        yield Handler(f"set{code}_m", set_m, (code,))
        for bits in (16, 32, 64):
            yield Handler(f"cmov{bits}_{code}_rr", cmov_rr, (bits, code, False))
            yield Handler(f"cmov{bits}_{code}_rm", cmov_rm, (bits, code))
    for code in sorted(COMPARE_CONDITIONS):
        yield Handler(f"set{code}_r_ac", set_r, (code, True))
        for bits in (32, 64):
            yield Handler(f"cmov{bits}_{code}_rr_ac", cmov_rr, (bits, code, True))
