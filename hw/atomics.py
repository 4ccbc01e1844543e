"""The only read-modify-write of shared memory: atomic cells and words.

Why: ``ram[i] += 1`` from four processes loses a third of its updates. Every read-modify-write,
and every pair of accesses whose order another core relies on, goes through here.

A cell is a layout field: ``count: AtomicU32`` in a layout gives ``obj.count.add(1)``. Words that
are not cells (page-table entries) are named by physical address: ``cas64(addr, old, new)``.
All operations are sequentially consistent, but for load_acquire and store_release.

State: RAM. Locks: none. Context: any, interrupts included.
"""

import ctypes
import hashlib
from typing import Annotated, Final

from hw import native
from hw.spec.layout import DIRECT_MAP, Layout, atomic, layout, u32, u64
from hw.spec.watch import ATOMIC, COMPARE, UPDATE, WRITE, sized, watched

_RMW: Final = {"add": "add", "or": "or", "and": "and", "xchg": "xchg"}


def _ir() -> str:
    lines = []
    for bits in (8, 32, 64):
        t = f"i{bits}"
        for name, op in _RMW.items():
            lines.append(
                f"define i64 @atomic_{name}{bits}(ptr %p, i64 %v) {{\n"
                + (f"  %n = trunc i64 %v to {t}\n" if bits < 64 else "  %n = or i64 %v, 0\n")
                + f"  %o = atomicrmw {op} ptr %p, {t} %n seq_cst\n"
                + (
                    f"  %r = zext {t} %o to i64\n  ret i64 %r\n}}"
                    if bits < 64
                    else "  ret i64 %o\n}"
                )
            )
        narrow = "trunc i64 {} to " + t if bits < 64 else "or i64 {}, 0"
        lines.append(
            f"define i64 @atomic_cas{bits}(ptr %p, i64 %e, i64 %v) {{\n"
            f"  %x = {narrow.format('%e')}\n  %n = {narrow.format('%v')}\n"
            f"  %s = cmpxchg ptr %p, {t} %x, {t} %n seq_cst seq_cst\n"
            f"  %o = extractvalue {{ {t}, i1 }} %s, 0\n"
            + (f"  %r = zext {t} %o to i64\n  ret i64 %r\n}}" if bits < 64 else "  ret i64 %o\n}")
        )
        wide = f"zext {t} %o to i64" if bits < 64 else "or i64 %o, 0"
        lines.append(
            f"define i64 @atomic_load{bits}(ptr %p) {{\n"
            f"  %o = load atomic {t}, ptr %p acquire, align {bits // 8}\n"
            f"  %r = {wide}\n  ret i64 %r\n}}"
        )
        lines.append(
            f"define void @atomic_store{bits}(ptr %p, i64 %v) {{\n"
            f"  %n = {narrow.format('%v')}\n"
            f"  store atomic {t} %n, ptr %p release, align {bits // 8}\n  ret void\n}}"
        )
    lines.append("define void @atomic_fence() {\n  fence seq_cst\n  ret void\n}")
    return "\n".join(lines)


_NAMES: Final = [
    *(f"atomic_{op}{bits}" for op in (*_RMW, "cas", "load", "store") for bits in (8, 32, 64)),
    "atomic_fence",
]
_SOURCE: Final = _ir()
_AT: Final = native.load(hashlib.sha256(_SOURCE.encode()).hexdigest(), _NAMES, lambda: _SOURCE)

_P: Final = ctypes.c_uint64

#: What an operation tells a watcher (hw.spec.watch).
_LOAD: Final = ATOMIC
_STORE: Final = ATOMIC | WRITE
_UPDATE: Final = ATOMIC | WRITE | UPDATE
_CAS: Final = ATOMIC | COMPARE
_LOAD32, _STORE32, _UPDATE32, _CAS32 = (sized(kind, 4) for kind in (_LOAD, _STORE, _UPDATE, _CAS))


def _host(addr: int) -> int:
    """Host address of the word at a physical address."""
    return DIRECT_MAP + addr


def _rmw(name: str) -> "native.Native":
    return native.function(_AT[name], _P, _P, _P)


_add8, _add32, _add64 = (_rmw(f"atomic_add{b}") for b in (8, 32, 64))
_or8, _or32, _or64 = (_rmw(f"atomic_or{b}") for b in (8, 32, 64))
_and8, _and32, _and64 = (_rmw(f"atomic_and{b}") for b in (8, 32, 64))
_xchg8, _xchg32, _xchg64 = (_rmw(f"atomic_xchg{b}") for b in (8, 32, 64))
_cas8, _cas32, _cas64 = (
    native.function(_AT[f"atomic_cas{b}"], _P, _P, _P, _P) for b in (8, 32, 64)
)
_load32, _load64 = (native.function(_AT[f"atomic_load{b}"], _P, _P) for b in (32, 64))
_store32, _store64 = (native.function(_AT[f"atomic_store{b}"], None, _P, _P) for b in (32, 64))

#: Full barrier: no load or store moves across it.
fence: Final = native.function(_AT["atomic_fence"], None)


@watched(_CAS, _host)
def cas64(addr: int, expected: int, new: int) -> int:
    """Compare and set the word at a physical address; return what was there."""
    old: int = _cas64(DIRECT_MAP + addr, expected, new)
    return old


@watched(_UPDATE, _host)
def or64(addr: int, bits: int) -> int:
    """Set bits of the word at a physical address; return what was there."""
    old: int = _or64(DIRECT_MAP + addr, bits)
    return old


@watched(_UPDATE, _host)
def and64(addr: int, bits: int) -> int:
    """Keep only ``bits`` of the word at a physical address; return what was there."""
    old: int = _and64(DIRECT_MAP + addr, bits)
    return old


@watched(_UPDATE, _host)
def xchg64(addr: int, value: int) -> int:
    """Replace the word at a physical address; return what was there."""
    old: int = _xchg64(DIRECT_MAP + addr, value)
    return old


@watched(_LOAD, _host)
def load64(addr: int) -> int:
    """Load-acquire of the word at a physical address."""
    value: int = _load64(DIRECT_MAP + addr)
    return value


@watched(_STORE, _host)
def store64(addr: int, value: int) -> None:
    """Store-release of the word at a physical address."""
    _store64(DIRECT_MAP + addr, value)


def or8_at(host_address: int, bits: int) -> int:
    """Set bits of the byte at a host address (board memory); return what was there."""
    old: int = _or8(host_address, bits)
    return old


def and8_at(host_address: int, bits: int) -> int:
    """Keep only ``bits`` of the byte at a host address; return what was there."""
    old: int = _and8(host_address, bits)
    return old


@layout(size=4)
class AtomicU32(Layout):
    """A 32-bit cell. Values are unsigned and wrap."""

    value: Annotated[u32, atomic]

    @watched(_LOAD32)
    def load(self) -> int:
        """Load-acquire."""
        value: int = _load32(ctypes.addressof(self))
        return value

    @watched(_STORE32)
    def store(self, value: int) -> None:
        """Store-release."""
        _store32(ctypes.addressof(self), value)

    @watched(_UPDATE32)
    def add(self, n: int) -> int:
        """Add ``n`` (may be negative); return the old value."""
        old: int = _add32(ctypes.addressof(self), n & 0xFFFF_FFFF)
        return old

    @watched(_CAS32)
    def cas(self, expected: int, new: int) -> int:
        """Set to ``new`` if it is ``expected``; return the old value either way."""
        old: int = _cas32(ctypes.addressof(self), expected, new)
        return old

    @watched(_UPDATE32)
    def xchg(self, value: int) -> int:
        """Replace; return the old value."""
        old: int = _xchg32(ctypes.addressof(self), value)
        return old

    @watched(_UPDATE32)
    def or_(self, bits: int) -> int:
        """Set bits; return the old value."""
        old: int = _or32(ctypes.addressof(self), bits)
        return old

    @watched(_UPDATE32)
    def and_(self, bits: int) -> int:
        """Keep only ``bits``; return the old value."""
        old: int = _and32(ctypes.addressof(self), bits & 0xFFFF_FFFF)
        return old


@layout(size=8)
class AtomicU64(Layout):
    """A 64-bit cell. Values are unsigned and wrap."""

    value: Annotated[u64, atomic]

    @watched(_LOAD)
    def load(self) -> int:
        """Load-acquire."""
        value: int = _load64(ctypes.addressof(self))
        return value

    @watched(_STORE)
    def store(self, value: int) -> None:
        """Store-release."""
        _store64(ctypes.addressof(self), value)

    @watched(_UPDATE)
    def add(self, n: int) -> int:
        """Add ``n`` (may be negative); return the old value."""
        old: int = _add64(ctypes.addressof(self), n & 0xFFFF_FFFF_FFFF_FFFF)
        return old

    @watched(_CAS)
    def cas(self, expected: int, new: int) -> int:
        """Set to ``new`` if it is ``expected``; return the old value either way."""
        old: int = _cas64(ctypes.addressof(self), expected, new)
        return old

    @watched(_UPDATE)
    def xchg(self, value: int) -> int:
        """Replace; return the old value."""
        old: int = _xchg64(ctypes.addressof(self), value)
        return old

    @watched(_UPDATE)
    def or_(self, bits: int) -> int:
        """Set bits; return the old value."""
        old: int = _or64(ctypes.addressof(self), bits)
        return old

    @watched(_UPDATE)
    def and_(self, bits: int) -> int:
        """Keep only ``bits``; return the old value."""
        old: int = _and64(ctypes.addressof(self), bits & 0xFFFF_FFFF_FFFF_FFFF)
        return old
