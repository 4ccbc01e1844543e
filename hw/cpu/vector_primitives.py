"""Primitives of 128-bit registers and of SSE arithmetic.

The named exception to "one source": an SSE operation is the host's own instruction, in line, under
the guest's MXCSR, so rounding, NaN payloads and sticky flags are those of silicon. Its Python twin
runs the same instruction; what the differential test proves here is operands, sizes, faults and
flags.

State: the host's MXCSR while native code runs. Context: native code, oracle.
"""

import ctypes
import hashlib
from functools import cache
from typing import Any, Final

from hw import native
from hw.cpu.ir import I1, I64, I128, VECTOR, Builder, Value
from hw.cpu.memory_primitives import host_load, host_store
from hw.cpu.subset import primitive

#: What the oracle of this process computes under.
_ORACLE_MXCSR: Final = ctypes.c_uint32(0x1F80)


def _emit_get128(b: Builder, state: Any, offset: Any) -> Value:
    return b.op(f"bitcast {VECTOR} {b.load_vector(state, offset).name} to i128", I128)


@primitive(_emit_get128)
def get128(state: Any, offset: int) -> int:
    """Sixteen bytes of the register file."""
    at = ctypes.addressof(state) + offset
    return host_load(at, 64) | host_load(at + 8, 64) << 64


def _emit_put128(b: Builder, state: Any, offset: Any, value: Any) -> None:
    b.store_vector(state, offset, Value(_cast(b, value), VECTOR))


@primitive(_emit_put128)
def put128(state: Any, offset: int, value: int) -> None:
    """Write sixteen bytes of the register file."""
    at = ctypes.addressof(state) + offset
    host_store(at, 64, value & ((1 << 64) - 1))
    host_store(at + 8, 64, value >> 64 & ((1 << 64) - 1))


def _emit_host_load128(b: Builder, address: Any) -> Value:
    pointer = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    loaded = b.op(f"load volatile {VECTOR}, ptr {pointer.name}, align 1", VECTOR)
    return b.op(f"bitcast {VECTOR} {loaded.name} to i128", I128)


@primitive(_emit_host_load128)
def host_load128(address: int) -> int:
    """Sixteen bytes at a host address, of any alignment."""
    return host_load.python(address, 64) | host_load.python(address + 8, 64) << 64


def _emit_host_store128(b: Builder, address: Any, value: Any) -> None:
    pointer = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    b.line(f"store volatile {VECTOR} {_cast(b, value)}, ptr {pointer.name}, align 1")


@primitive(_emit_host_store128)
def host_store128(address: int, value: int) -> None:
    """Store sixteen bytes at a host address, of any alignment."""
    host_store.python(address, 64, value & ((1 << 64) - 1))
    host_store.python(address + 8, 64, value >> 64)


def _cast(b: Builder, value: Any) -> str:
    return b.op(f"bitcast i128 {b.value(value, I128).name} to {VECTOR}", VECTOR).name


def _emit_vector(b: Builder, name: str, target: Any, source: Any) -> Value:
    done = b.op(
        f'call {VECTOR} asm sideeffect "{name} $2, $0", "=x,0,x"'
        f"({VECTOR} {_cast(b, target)}, {VECTOR} {_cast(b, source)})",
        VECTOR,
    )
    return b.op(f"bitcast {VECTOR} {done.name} to i128", I128)


@cache
def _compiled(text: str) -> native.Native:
    """Compile host instructions to run under the MXCSR at %mx, keeping Python's own."""
    symbol = "oracle_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    ir = (
        "declare void @llvm.x86.sse.ldmxcsr(ptr)\ndeclare void @llvm.x86.sse.stmxcsr(ptr)\n"
        f"define void @{symbol}(ptr %a, ptr %b, ptr %r, ptr %mx) {{\n"
        " %own = alloca i32\n call void @llvm.x86.sse.stmxcsr(ptr %own)\n"
        f" call void @llvm.x86.sse.ldmxcsr(ptr %mx)\n{text}\n"
        " call void @llvm.x86.sse.stmxcsr(ptr %mx)\n call void @llvm.x86.sse.ldmxcsr(ptr %own)\n"
        " ret void\n}"
    )
    at = native.load(hashlib.sha256(ir.encode()).hexdigest(), [symbol], lambda: ir)[symbol]
    return native.function(at, None, *[ctypes.c_uint64] * 4)


def _run(text: str, *arguments: int) -> int:
    """Run host instructions for the oracle."""
    buffers = [ctypes.create_string_buffer(a.to_bytes(16, "little"), 16) for a in arguments]
    buffers += [ctypes.create_string_buffer(16) for _ in range(3 - len(buffers))]
    places = [ctypes.addressof(buffer) for buffer in buffers]
    _compiled(text)(*places, ctypes.addressof(_ORACLE_MXCSR))
    return int.from_bytes(buffers[2].raw, "little")


_LOADS: Final = (
    f" %x = load {VECTOR}, ptr %a, align 1\n %y = load {VECTOR}, ptr %b, align 1\n"
    " %n = load i64, ptr %b, align 1\n"
)


@primitive(_emit_vector)
def vector(name: str, target: int, source: int) -> int:
    """Apply a host instruction ``name`` to two registers; return the target afterwards."""
    return _run(
        f'{_LOADS} %z = call {VECTOR} asm sideeffect "{name} $2, $0", "=x,0,x"'
        f"({VECTOR} %x, {VECTOR} %y)\n store {VECTOR} %z, ptr %r, align 1",
        target,
        source,
    )


def _emit_from_integer(b: Builder, name: str, target: Any, value: Any, bits: int) -> Value:
    number = b.convert(b.value(value), "i64")
    if bits == 32:
        number = b.op(f"trunc i64 {number.name} to i32", "i32")
    done = b.op(
        f'call {VECTOR} asm sideeffect "{name} $2, $0", "=x,0,r"'
        f"({VECTOR} {_cast(b, target)}, i{bits} {number.name})",
        VECTOR,
    )
    return b.op(f"bitcast {VECTOR} {done.name} to i128", I128)


@primitive(_emit_from_integer)
def from_integer(name: str, target: int, value: int, bits: int) -> int:
    """Convert a general register into the low element of a vector register."""
    return _run(
        f"{_LOADS} %m = trunc i64 %n to i{bits}\n".replace("trunc i64 %n to i64", "or i64 %n, 0")
        + f' %z = call {VECTOR} asm sideeffect "{name} $2, $0", "=x,0,r"'
        f"({VECTOR} %x, i{bits} %m)\n store {VECTOR} %z, ptr %r, align 1",
        target,
        value,
    )


def _emit_to_integer(b: Builder, name: str, source: Any, bits: int) -> Value:
    done = b.op(
        f'call i{bits} asm sideeffect "{name} $1, $0", "=r,x"({VECTOR} {_cast(b, source)})',
        f"i{bits}",
    )
    return done if bits == 64 else b.op(f"zext i32 {done.name} to i64", I64)


@primitive(_emit_to_integer)
def to_integer(name: str, source: int, bits: int) -> int:
    """Apply a host instruction from a vector register to a general one."""
    text = f'{_LOADS} %z = call i{bits} asm sideeffect "{name} $1, $0", "=r,x"({VECTOR} %x)\n'
    return _run(f"{text} store i{bits} %z, ptr %r, align 1", source)


def _emit_compare(b: Builder, name: str, left: Any, right: Any) -> tuple[Value, ...]:
    done = b.op(
        f'call {{ i8, i8, i8 }} asm sideeffect "{name} $4, $3", '
        '"={@ccz},={@ccp},={@ccc},x,x,~{flags}"'
        f"({VECTOR} {_cast(b, left)}, {VECTOR} {_cast(b, right)})",
        "",
    )
    bits = [b.op(f"extractvalue {{ i8, i8, i8 }} {done.name}, {k}", "i8") for k in range(3)]
    return tuple(b.op(f"icmp ne i8 {bit.name}, 0", I1) for bit in bits)


@primitive(_emit_compare)
def compare_scalars(name: str, left: int, right: int) -> tuple[bool, bool, bool]:
    """UCOMISS and its like: zero, parity and carry flag."""
    packed = _run(
        f'{_LOADS} %z = call {{ i8, i8, i8 }} asm sideeffect "{name} $4, $3", '
        '"={@ccz},={@ccp},={@ccc},x,x,~{flags}"'
        f"({VECTOR} %x, {VECTOR} %y)\n store {{ i8, i8, i8 }} %z, ptr %r, align 1",
        left,
        right,
    )
    return packed & 0xFF != 0, packed >> 8 & 0xFF != 0, packed >> 16 & 0xFF != 0


def _emit_load_mxcsr(b: Builder, address: Any) -> None:
    b.module.declare("declare void @llvm.x86.sse.ldmxcsr(ptr)")
    pointer = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    b.line(f"call void @llvm.x86.sse.ldmxcsr(ptr {pointer.name})")


@primitive(_emit_load_mxcsr)
def load_host_mxcsr(address: int) -> None:
    """Load the host's MXCSR (the oracle's, in Python) from a host address."""
    _ORACLE_MXCSR.value = host_load(address, 32)


def _emit_store_mxcsr(b: Builder, address: Any) -> None:
    b.module.declare("declare void @llvm.x86.sse.stmxcsr(ptr)")
    pointer = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    b.line(f"call void @llvm.x86.sse.stmxcsr(ptr {pointer.name})")


@primitive(_emit_store_mxcsr)
def store_host_mxcsr(address: int) -> None:
    """Store the host's MXCSR (the oracle's, in Python) at a host address."""
    host_store(address, 32, _ORACLE_MXCSR.value)
