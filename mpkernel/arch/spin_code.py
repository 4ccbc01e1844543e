"""Taking and giving a spinning lock that nobody waits for: one native call each, with plain twins.

Why: from Python the same steps (count preemption off, compare and set, note the time) would be
eight calls, 1.5 us; the native call is 0.3. The functions below are in the typed subset, so that
they are their own twins (hw.cpu.subset).

State: SpinCell and CpuArea, by host address. Locks: none. Context: any.
"""

import ctypes
from typing import Annotated, Final

from hw import native
from hw.atomics import AtomicU32, AtomicU64
from hw.cpu import primitives
from hw.cpu.handler_compiler import source_key
from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module
from hw.cpu.memory_primitives import atomic_cas, host_load, host_store
from hw.cpu.primitives import host_tsc
from hw.spec.layout import Layout, atomic, fixed, layout, statistic, u16, u32, u64
from hw.spec.watch import ATOMIC, AWAIT, COMPARE, watched_native
from mpkernel.arch.cpu import LOCK_CLASSES, CpuArea, LockStats

#: SpinCell.word: who has it, who alone may take it next, whether waiters sleep.
OWNER: Final = 0xFF
HEIR: Final = 0xFF00
HEIR_SHIFT: Final = 8
WAITERS: Final = 1 << 16


@layout(size=40)
class SpinCell(Layout):
    """The bytes of a spinning lock. Numbers of CPUs are index + 1, 0 for none."""

    word: AtomicU64  #: OWNER | HEIR | WAITERS
    since: Annotated[u64, statistic]  #: host TSC when it was taken
    sleepers: AtomicU64  #: bit a CPU that waits and may be asleep
    key: Annotated[u32, fixed]  #: class and subclass (sync.lockdep.modes), 0 before init
    contended: Annotated[u32, statistic]  #: times somebody had to wait (may lose some)
    rung: AtomicU32  #: CPU woken to try its luck, until it has
    overtaken: Annotated[u16, atomic]  #: of the owner: times taken while others slept
    last_heir: Annotated[u16, atomic]  #: of the owner


_SINCE: Final = SpinCell.offset_of("since")
_KEY: Final = SpinCell.offset_of("key")
_PREEMPT: Final = CpuArea.offset_of("preempt_count")
_STATS: Final = CpuArea.offset_of("locks")
_TAKEN: Final = LockStats.offset_of("taken")
_HELD: Final = LockStats.offset_of("held_tsc")
_LONGEST: Final = LockStats.offset_of("longest_tsc")


def plain_take(cell: int, area: int, me: int) -> int:
    """Preemption off and the cell to CPU number ``me``: 0. Else its word, preemption off too.

    A cell without a class is never taken: WAITERS.
    """
    host_store(area + _PREEMPT, 32, host_load(area + _PREEMPT, 32) + 1)
    if host_load(cell + _KEY, 32) == 0:
        return WAITERS
    found = atomic_cas(cell, 64, 0, me)
    if found == 0:
        host_store(cell + _SINCE, 64, host_tsc())
    return found


def plain_give(cell: int, area: int, me: int) -> int:
    """Count the hold, give the cell back, preemption on: 0. Else its word: it is not so simple."""
    found = host_load(cell, 64)
    if found & OWNER != me:
        return found
    held = primitives.u64(host_tsc() - host_load(cell + _SINCE, 64))
    number = host_load(cell + _KEY, 16)
    stats = area + _STATS + (number if number < LOCK_CLASSES else 0) * LockStats.SIZE
    host_store(stats + _TAKEN, 64, host_load(stats + _TAKEN, 64) + 1)
    host_store(stats + _HELD, 64, primitives.u64(host_load(stats + _HELD, 64) + held))
    if held > host_load(stats + _LONGEST, 64):
        host_store(stats + _LONGEST, 64, held)
    found = atomic_cas(cell, 64, me, 0)
    if found != me:
        return found
    host_store(area + _PREEMPT, 32, host_load(area + _PREEMPT, 32) - 1)
    return 0


def _text() -> str:
    module = Module()
    for symbol, function in (("spin_take", plain_take), ("spin_give", plain_give)):
        module.texts.append(compile_function(module, function, f"@{symbol}"))
    return module.text()


#: What the code has of layouts: their sources are no part of ``source_key``.
_PLACES: Final = (
    _SINCE, _KEY, _PREEMPT, _STATS, _TAKEN, _HELD, _LONGEST, LockStats.SIZE, LOCK_CLASSES,
)  # fmt: skip
_AT: Final = native.load(
    f"{source_key(__name__)}:spin:{_PLACES}", ["spin_take", "spin_give"], _text
)
#: For who will wait if it fails, and for who will not.
take: Final = watched_native(
    native.function(_AT["spin_take"], *[ctypes.c_uint64] * 4), ATOMIC | COMPARE | AWAIT
)
take_if_free: Final = watched_native(
    native.function(_AT["spin_take"], *[ctypes.c_uint64] * 4), ATOMIC | COMPARE
)
give: Final = watched_native(
    native.function(_AT["spin_give"], *[ctypes.c_uint64] * 4), ATOMIC | COMPARE
)
