"""The I/O APIC: lines of devices without messages become interrupts.

    line --edge--> send once
    line --level-> send, remote IRR set ... EOI from the core: clear, send again if still high

A level line is the OR of its sources, one bit each. Spec: Intel 82093AA, with the EOI register of
version 0x20. State: board memory. Locks: LOCK (raw), then nothing. Context: any process.
"""

from typing import Annotated, Final

from hw import ram
from hw.bus.raw_lock import RawLock
from hw.irq import delivery
from hw.spec.apic import (
    DELIVERY_MODE,
    DEST_LOGICAL,
    IO_APIC_EOI,
    IO_APIC_LINES,
    IO_APIC_REG_ARBITRATION,
    IO_APIC_REG_ID,
    IO_APIC_REG_REDIRECTION,
    IO_APIC_REG_VERSION,
    IO_APIC_SELECT,
    IO_APIC_VERSION,
    IO_APIC_WINDOW,
    REDIRECT_DEST,
    REDIRECT_LEVEL,
    REDIRECT_MASKED,
    REDIRECT_PENDING,
    REDIRECT_REMOTE_IRR,
    VECTOR,
)
from hw.spec.layout import Layout, guarded_by, layout, u32, u64

_READ_ONLY: Final = REDIRECT_PENDING | REDIRECT_REMOTE_IRR


@layout(size=16)
class LineState(Layout):
    """One line: its redirection entry, and who holds it high."""

    entry: Annotated[u64, guarded_by("io_apic.LOCK")]
    sources: Annotated[u64, guarded_by("io_apic.LOCK")]


@layout(size=8)
class IoApicState(Layout):
    """Index register and id."""

    select: Annotated[u32, guarded_by("io_apic.LOCK")]
    id: Annotated[u32, guarded_by("io_apic.LOCK")]


STATE: Final = ram.BOARD.place(IoApicState)
LINES: Final = ram.BOARD.place_array(LineState, IO_APIC_LINES, align=16)
LOCK: Final = ram.BOARD.place(RawLock)


def reset() -> None:
    """Mask all lines."""
    for line in LINES:
        line.entry = REDIRECT_MASKED
        line.sources = 0


def set_line(line: int, source: int, *, high: bool) -> None:
    """Let ``source`` (0 to 63) hold a line high or release it."""
    with LOCK:
        state = LINES[line]
        before = state.sources
        after = before | 1 << source if high else before & ~(1 << source)
        state.sources = after
        if after and (state.entry & REDIRECT_LEVEL or not before):
            _fire(state)


def pulse(line: int) -> None:
    """Raise and lower a line: one interrupt if it is an edge line."""
    with LOCK:
        _fire(LINES[line])


def _fire(state: LineState) -> None:
    entry = state.entry
    if entry & (REDIRECT_MASKED | REDIRECT_REMOTE_IRR):
        return
    level = bool(entry & REDIRECT_LEVEL)
    accepted = delivery.send(
        DELIVERY_MODE.get(entry),
        VECTOR.get(entry),
        REDIRECT_DEST.get(entry),
        logical=bool(entry & DEST_LOGICAL),
        level=level,
    )
    if level and accepted:
        state.entry = entry | REDIRECT_REMOTE_IRR


def end_of_interrupt(vector: int) -> None:
    """Take a core's EOI of a level vector; send again what is still high."""
    with LOCK:
        for state in LINES:
            entry = state.entry
            if entry & REDIRECT_REMOTE_IRR and VECTOR.get(entry) == vector:
                state.entry = entry & ~REDIRECT_REMOTE_IRR
                if state.sources:
                    _fire(state)


def read(_core: int, offset: int, _size: int) -> int:
    """Read the index register or the register it selects."""
    with LOCK:
        if offset == IO_APIC_SELECT:
            return STATE.select
        return _read_register(STATE.select) if offset == IO_APIC_WINDOW else 0


def _read_register(index: int) -> int:
    if index in (IO_APIC_REG_ID, IO_APIC_REG_ARBITRATION):
        return STATE.id << 24
    if index == IO_APIC_REG_VERSION:
        return (IO_APIC_LINES - 1) << 16 | IO_APIC_VERSION
    line, half = divmod(index - IO_APIC_REG_REDIRECTION, 2)
    if not 0 <= line < IO_APIC_LINES:
        return 0
    return LINES[line].entry >> (32 * half) & 0xFFFF_FFFF


def write(_core: int, offset: int, _size: int, value: int) -> None:
    """Write the index register, the register it selects, or EOI."""
    if offset == IO_APIC_EOI:
        end_of_interrupt(value & 0xFF)
        return
    with LOCK:
        if offset == IO_APIC_SELECT:
            STATE.select = value & 0xFF
        elif offset == IO_APIC_WINDOW:
            _write_register(STATE.select, value & 0xFFFF_FFFF)


def _write_register(index: int, value: int) -> None:
    if index == IO_APIC_REG_ID:
        STATE.id = value >> 24 & 0xF
        return
    line, half = divmod(index - IO_APIC_REG_REDIRECTION, 2)
    if not 0 <= line < IO_APIC_LINES:
        return
    state = LINES[line]
    old = state.entry
    if half:
        state.entry = (old & 0xFFFF_FFFF) | value << 32
        return
    new = (old & ~0xFFFF_FFFF) | (value & ~_READ_ONLY) | (old & _READ_ONLY)
    if not new & REDIRECT_LEVEL:
        new &= ~REDIRECT_REMOTE_IRR
    state.entry = new
    if state.sources and new & REDIRECT_LEVEL:
        _fire(state)
