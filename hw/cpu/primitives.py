"""What the typed subset is built from: conversions, signed and 128-bit arithmetic, bits of words.

Each primitive is a Python function, for the oracle, and the LLVM instructions that do the same.
Memory is reached through hw.cpu.memory_primitives.

State: none. Context: any.
"""

from typing import Any, Final

from hw.cpu.ir import I1, I64, I128, Builder, Value
from hw.cpu.subset import primitive

MASK64: Final = (1 << 64) - 1


def _truncate(bits: int) -> Any:
    def emit(b: Builder, x: Any) -> Any:
        if not isinstance(x, Value):
            return x & ((1 << bits) - 1)
        x = b.convert(x, I64)
        return x if bits == 64 else b.op(f"and i64 {x.name}, {(1 << bits) - 1}", I64)

    return emit


@primitive(_truncate(8))
def u8(x: int) -> int:
    """Low 8 bits."""
    return x & 0xFF


@primitive(_truncate(16))
def u16(x: int) -> int:
    """Low 16 bits."""
    return x & 0xFFFF


@primitive(_truncate(32))
def u32(x: int) -> int:
    """Low 32 bits."""
    return x & 0xFFFF_FFFF


@primitive(_truncate(64))
def u64(x: int) -> int:
    """Low 64 bits."""
    return x & MASK64


def _emit_low(b: Builder, x: Any, bits: int) -> Any:
    return _truncate(bits)(b, x)


@primitive(_emit_low)
def low(x: int, bits: int) -> int:
    """Low ``bits`` bits."""
    return x & ((1 << bits) - 1)


def _emit_sext(b: Builder, x: Any, bits: int) -> Any:
    if not isinstance(x, Value):
        return sext.python(x, bits)
    x = b.convert(x, I64)
    if bits == 64:
        return x
    narrow = b.op(f"trunc i64 {x.name} to i{bits}", f"i{bits}")
    return b.op(f"sext i{bits} {narrow.name} to i64", I64)


@primitive(_emit_sext)
def sext(x: int, bits: int) -> int:
    """Low ``bits`` bits extended by their sign to 64."""
    sign = 1 << (bits - 1)
    return (((x & ((1 << bits) - 1)) ^ sign) - sign) & MASK64


def _signed(x: int) -> int:
    return x - (1 << 64) if x >> 63 else x


def _emit_slt(b: Builder, x: Any, y: Any) -> Value:
    return b.op(f"icmp slt i64 {b.value(x).name}, {b.value(y).name}", I1)


@primitive(_emit_slt)
def slt(x: int, y: int) -> bool:
    """Signed less-than of 64-bit values."""
    return _signed(x) < _signed(y)


def _emit_sar(b: Builder, x: Any, n: Any) -> Value:
    return b.op(f"ashr i64 {b.value(x).name}, {b.value(n).name}", I64)


@primitive(_emit_sar)
def sar(x: int, n: int) -> int:
    """Arithmetic shift right of a 64-bit value, n < 64."""
    return (_signed(x) >> n) & MASK64


def _emit_flag(b: Builder, x: Any) -> Value:
    return b.convert(b.value(x, I1) if not isinstance(x, Value) else b.convert(x, I1), I64)


@primitive(_emit_flag)
def flag(x: bool) -> int:
    """1 if true, 0 if not."""
    return 1 if x else 0


def _emit_wide(b: Builder, x: Any) -> Value:
    return b.convert(b.value(x), I128)


@primitive(_emit_wide)
def wide(x: int) -> int:
    """A 64-bit value zero-extended for arithmetic of 128 bits."""
    return x


def _emit_swide(b: Builder, x: Any) -> Value:
    return b.op(f"sext i64 {b.value(x).name} to i128", I128)


@primitive(_emit_swide)
def swide(x: int) -> int:
    """A 64-bit value sign-extended for arithmetic of 128 bits."""
    return _signed(x)


def _emit_expect(b: Builder, condition: Any) -> Any:
    if not isinstance(condition, Value):
        return condition
    b.module.declare("declare i1 @llvm.expect.i1(i1, i1)")
    c = b.convert(condition, I1)
    return b.op(f"call i1 @llvm.expect.i1(i1 {c.name}, i1 true)", I1)


@primitive(_emit_expect)
def likely(condition: bool) -> bool:
    """The condition; the compiler lays out code for it to hold."""
    return condition


def _emit_udiv128(b: Builder, high: Any, low_word: Any, divisor: Any) -> tuple[Value, Value]:
    pair = b.op(
        'call { i64, i64 } asm "divq $4", "={ax},={dx},0,1,r,~{flags}"'
        f"(i64 {b.value(low_word).name}, i64 {b.value(high).name}, i64 {b.value(divisor).name})",
        "",
    )
    return (
        b.op(f"extractvalue {{ i64, i64 }} {pair.name}, 0", I64),
        b.op(f"extractvalue {{ i64, i64 }} {pair.name}, 1", I64),
    )


@primitive(_emit_udiv128)
def udiv128(high: int, low_word: int, divisor: int) -> tuple[int, int]:
    """Quotient and remainder of high:low by ``divisor``; high < divisor is the caller's duty."""
    return divmod((high << 64) | low_word, divisor)


def _bit_intrinsic(name: str) -> Any:
    def emit(b: Builder, x: Any) -> Value:
        extra = "" if name == "ctpop" else ", i1"
        b.module.declare(f"declare i64 @llvm.{name}.i64(i64{extra})")
        tail = "" if name == "ctpop" else ", i1 false"
        return b.op(f"call i64 @llvm.{name}.i64(i64 {b.value(x).name}{tail})", I64)

    return emit


@primitive(_bit_intrinsic("ctpop"))
def popcount(x: int) -> int:
    """Number of ones."""
    return x.bit_count()


@primitive(_bit_intrinsic("cttz"))
def trailing_zeros(x: int) -> int:
    """Index of the lowest one; 64 for 0."""
    return (x & -x).bit_length() - 1 if x else 64


@primitive(_bit_intrinsic("ctlz"))
def leading_zeros(x: int) -> int:
    """64 less the bit length."""
    return 64 - x.bit_length()


def _emit_swap(b: Builder, x: Any) -> Value:
    b.module.declare("declare i64 @llvm.bswap.i64(i64)")
    return b.op(f"call i64 @llvm.bswap.i64(i64 {b.value(x).name})", I64)


@primitive(_emit_swap)
def byte_swap(x: int) -> int:
    """The eight bytes in reverse order."""
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def _emit_lookup(b: Builder, table: tuple[int, ...], index: Any) -> Any:
    if not isinstance(index, Value):
        return table[index]
    words = ", ".join(f"i64 {word}" for word in table)
    text = f"internal constant [{len(table)} x i64] [{words}]"
    if text not in b.module.symbols:
        b.module.symbols[text] = f"@words.{len(b.module.symbols)}"
        b.module.texts.append(f"{b.module.symbols[text]} = {text}")
    at = f"ptr {b.module.symbols[text]}, i64 {b.value(index).name}"
    return b.op(f"load i64, ptr {b.op(f'getelementptr i64, {at}', 'ptr').name}", I64)


@primitive(_emit_lookup)
def lookup(table: tuple[int, ...], index: int) -> int:
    """A word of a table known at compile time."""
    return table[index]


def _emit_tsc(b: Builder) -> Value:
    b.module.declare("declare i64 @llvm.readcyclecounter()")
    return b.op("call i64 @llvm.readcyclecounter()", I64)


@primitive(_emit_tsc)
def host_tsc() -> int:
    """The host's time-stamp counter; the oracle knows no time."""
    return 0
