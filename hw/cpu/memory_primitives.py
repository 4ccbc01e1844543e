"""Primitives of the typed subset for memory: loads and stores by host address, atomics, layouts.

Addresses are host addresses: guest memory is at DIRECT_MAP, board memory at BOARD_MAP. Guest memory
accesses are volatile in the IR, or O2 would merge and move them; they state alignment 1 except for
atomics, whose callers have checked it. The Python twins of atomics are not atomic: the oracle runs
alone.

State: none. Context: any.
"""

import ctypes
from typing import Any, Final

from hw import atomics
from hw.cpu.ir import I64, I128, Builder, Pointer, Value
from hw.cpu.primitives import low, u32
from hw.cpu.state import CpuState
from hw.cpu.subset import primitive

_CTYPES: Final = {
    8: ctypes.c_uint8, 16: ctypes.c_uint16, 32: ctypes.c_uint32, 64: ctypes.c_uint64,
}  # fmt: skip


def _host(b: Builder, address: Any) -> str:
    return b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr").name


def _widen(b: Builder, value: Value, bits: int) -> Value:
    return value if bits == 64 else b.op(f"zext i{bits} {value.name} to i64", I64)


def _narrow(b: Builder, x: Any, bits: int) -> str:
    value = b.value(x)
    return value.name if bits == 64 else b.op(f"trunc i64 {value.name} to i{bits}", "").name


def _emit_host_load(b: Builder, address: Any, bits: int) -> Value:
    pointer = _host(b, address)
    return _widen(b, b.op(f"load volatile i{bits}, ptr {pointer}, align 1", f"i{bits}"), bits)


@primitive(_emit_host_load)
def host_load(address: int, bits: int) -> int:
    """Load from a host address; one access, any alignment."""
    value: int = _CTYPES[bits].from_address(address).value
    return value


def _emit_host_store(b: Builder, address: Any, bits: int, value: Any) -> None:
    pointer = _host(b, address)
    b.line(f"store volatile i{bits} {_narrow(b, value, bits)}, ptr {pointer}, align 1")


@primitive(_emit_host_store)
def host_store(address: int, bits: int, value: int) -> None:
    """Store to a host address; one access, any alignment."""
    _CTYPES[bits].from_address(address).value = value


def _emit_atomic_load(b: Builder, address: Any) -> Value:
    return b.op(f"load atomic i64, ptr {_host(b, address)} acquire, align 8", I64)


@primitive(_emit_atomic_load)
def atomic_load(address: int) -> int:
    """Load-acquire of an aligned 64-bit word at a host address."""
    return host_load.python(address, 64)


def _emit_atomic_store(b: Builder, address: Any, value: Any) -> None:
    pointer = _host(b, address)
    b.line(f"store atomic i64 {b.value(value).name}, ptr {pointer} seq_cst, align 8")


@primitive(_emit_atomic_store)
def atomic_store(address: int, value: int) -> None:
    """Store an aligned 64-bit word at a host address, then a full barrier."""
    _CTYPES[64].from_address(address).value = value
    atomics.fence()


def _emit_atomic_cas(b: Builder, address: Any, bits: int, old: Any, new: Any) -> Value:
    kind = f"i{bits}"
    pair = b.op(
        f"cmpxchg ptr {_host(b, address)}, {kind} {_narrow(b, old, bits)}, "
        f"{kind} {_narrow(b, new, bits)} seq_cst seq_cst, align {bits // 8}",
        "",
    )
    return _widen(b, b.op(f"extractvalue {{ {kind}, i1 }} {pair.name}, 0", kind), bits)


@primitive(_emit_atomic_cas)
def atomic_cas(address: int, bits: int, old: int, new: int) -> int:
    """Compare and set an aligned word at a host address; return what was there."""
    cell = _CTYPES[bits].from_address(address)
    found: int = cell.value
    if found == old:
        cell.value = new
    return found


def _emit_atomic_rmw(b: Builder, verb: str, address: Any, bits: int, value: Any) -> Value:
    text = (
        f"atomicrmw {verb} ptr {_host(b, address)}, i{bits} {_narrow(b, value, bits)} "
        f"seq_cst, align {bits // 8}"
    )
    return _widen(b, b.op(text, f"i{bits}"), bits)


@primitive(_emit_atomic_rmw)
def atomic_rmw(verb: str, address: int, bits: int, value: int) -> int:
    """Atomic ``add sub and or xor xchg`` of an aligned word; return what was there."""
    cell = _CTYPES[bits].from_address(address)
    old: int = cell.value
    cell.value = _RMW[verb](old, value) & ((1 << bits) - 1)
    return old


_RMW: Final = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "and": lambda a, b: a & b,
    "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b, "xchg": lambda a, b: b,  # noqa: ARG005
}  # fmt: skip


def _emit_cas128(b: Builder, address: Any, *halves: Any) -> tuple[Value, Value]:
    words = []
    for lo, hi in (halves[:2], halves[2:]):
        upper = b.op(f"shl i128 {b.value(hi, I128).name}, 64", I128)
        words.append(b.op(f"or i128 {upper.name}, {b.value(lo, I128).name}", I128))
    pair = b.op(
        f"cmpxchg ptr {_host(b, address)}, i128 {words[0].name}, i128 {words[1].name} "
        "seq_cst seq_cst, align 16",
        "",
    )
    old = b.op(f"extractvalue {{ i128, i1 }} {pair.name}, 0", I128)
    upper = b.op(f"lshr i128 {old.name}, 64", I128)
    return b.convert(old, I64), b.convert(upper, I64)


@primitive(_emit_cas128)
def atomic_cas128(
    address: int, old_low: int, old_high: int, new_low: int, new_high: int
) -> tuple[int, int]:
    """Compare and set an aligned 16-byte word; return what was there, low half first."""
    low_word = _CTYPES[64].from_address(address)
    high_word = _CTYPES[64].from_address(address + 8)
    old = (low_word.value, high_word.value)
    if old == (old_low, old_high):
        low_word.value, high_word.value = new_low, new_high
    return old


def _emit_fence(b: Builder) -> None:
    b.line("fence seq_cst")


@primitive(_emit_fence)
def full_fence() -> None:
    """No load or store moves across."""
    atomics.fence()


def _emit_address(b: Builder, pointer: Any) -> Value:
    return b.op(f"ptrtoint ptr {pointer.name} to i64", I64)


@primitive(_emit_address)
def address_of(view: Any) -> int:
    """Host address of a layout."""
    return ctypes.addressof(view)


def _emit_state_at(b: Builder, address: Any) -> Pointer:
    place = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    return Pointer(CpuState, place.name)


@primitive(_emit_state_at)
def state_at(address: int) -> CpuState:
    """The register file at a host address."""
    return CpuState.from_address(address)


def _emit_get(b: Builder, state: Any, offset: Any, bits: int) -> Any:
    return b.load_at(state, offset, bits)


@primitive(_emit_get)
def get(state: Any, offset: int, bits: int) -> int:
    """Low ``bits`` of what stands at a byte offset of the register file."""
    value: int = _CTYPES[bits].from_address(ctypes.addressof(state) + offset).value
    return value


def _emit_put(b: Builder, state: Any, offset: Any, bits: int, value: Any) -> None:
    if bits == 32:
        b.store_at(state, offset, 64, u32.emit(b, value))
    else:
        b.store_at(state, offset, bits, value)


@primitive(_emit_put)
def put(state: Any, offset: int, bits: int, value: int) -> None:
    """Write an operand register: 32 bits clear the upper half, 8 and 16 leave the rest."""
    kind = _CTYPES[64 if bits == 32 else bits]
    kind.from_address(ctypes.addressof(state) + offset).value = low.python(value, bits)


def _emit_plain_store(b: Builder, address: Any, value: Any) -> None:
    b.line(f"store i64 {b.value(value).name}, ptr {_host(b, address)}, align 8")


@primitive(_emit_plain_store)
def plain_store(address: int, value: int) -> None:
    """Store a 64-bit word that no other core looks at; the compiler may combine such stores."""
    _CTYPES[64].from_address(address).value = value


_LETTER: Final = {8: "b", 16: "w", 32: "l", 64: "q"}


def _emit_host_copy(b: Builder, target: Any, source: Any, count: Any, bits: int) -> None:
    b.op(
        f'call {{ i64, i64, i64 }} asm sideeffect "rep movs{_LETTER[bits]}", '
        '"={di},={si},={cx},0,1,2,~{memory}"'
        f"(i64 {b.value(target).name}, i64 {b.value(source).name}, i64 {b.value(count).name})",
        "",
    )


@primitive(_emit_host_copy)
def host_copy(target: int, source: int, count: int, bits: int) -> None:
    """Copy elements upwards one after the other, as REP MOVS does where they overlap."""
    size = bits // 8
    for step in range(count):
        host_store.python(target + step * size, bits, host_load.python(source + step * size, bits))


def _emit_host_fill(b: Builder, target: Any, value: Any, count: Any, bits: int) -> None:
    b.op(
        f'call {{ i64, i64 }} asm sideeffect "rep stos{_LETTER[bits]}", '
        '"={di},={cx},0,1,{ax},~{memory}"'
        f"(i64 {b.value(target).name}, i64 {b.value(count).name}, i64 {b.value(value).name})",
        "",
    )


@primitive(_emit_host_fill)
def host_fill(target: int, value: int, count: int, bits: int) -> None:
    """Store elements upwards, as REP STOS does."""
    for step in range(count):
        host_store.python(target + step * (bits // 8), bits, low.python(value, bits))
