"""CRC32 of SSE4.2: a byte to eight bytes into a CRC-32C.

Spec: AMD64 APM vol. 3, CRC32; polynomial 11EDC6F41h, bits reflected.
Context: native code, oracle.
"""

from collections.abc import Iterator
from typing import Any, Final

from hw.cpu.ir import I64, Builder, Value
from hw.cpu.memory_primitives import get, put
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import low
from hw.cpu.semantics.handler import SIZES, Handler, address
from hw.cpu.state import CpuState
from hw.cpu.subset import primitive

_POLYNOMIAL: Final = 0x82F6_3B78
_SUFFIX: Final = {8: "b", 16: "w", 32: "l", 64: "q"}


def _emit(b: Builder, crc: Any, value: Any, bits: int) -> Value:
    kind, wide = f"i{bits}", "i64" if bits == 64 else "i32"
    before, number = b.value(crc).name, b.value(value).name
    if bits != 64:
        before = b.op(f"trunc i64 {before} to i32", "i32").name
        number = b.op(f"trunc i64 {number} to {kind}", kind).name
    constraint = '"=r,0,q,~{flags}"' if bits == 8 else '"=r,0,r,~{flags}"'
    after = b.op(
        f'call {wide} asm "crc32{_SUFFIX[bits]} $2, $0", {constraint}'
        f"({wide} {before}, {kind} {number})",
        wide,
    )
    return after if bits == 64 else b.op(f"zext i32 {after.name} to i64", I64)


@primitive(_emit)
def crc32c(crc: int, value: int, bits: int) -> int:
    """The CRC with ``bits`` more bits, lowest first; in native code the host's instruction."""
    crc ^= low.python(value, bits)
    for _ in range(bits):
        crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


def crc32(s: CpuState, u: MicroOp, bits: int, form: str) -> None:
    """CRC32: the result has 32 bits, the upper half of the register becomes zero."""
    value = get(s, u.b, bits) if form == "r" else load(s, address(s, u, form), bits)
    put(s, u.a, 32, crc32c(get(s, u.a, 32), value, bits))


def handlers() -> Iterator[Handler]:
    """All of this family."""
    for bits in SIZES:
        for form in "rm":
            yield Handler(f"crc32_{bits}_r{form}", crc32, (bits, form))
