"""MSI-X: a function's table of messages, its mask bits and its pending bits.

    signal -> enabled? -> masked? --no--> message to a local APIC
                             +----yes---> pending bit, sent when the mask falls

Spec: PCI Local Bus 3.0, 6.8.2. State: board memory (TABLES).
Locks: the function's raw lock. Context: cores (table, control) and device process (signal).
"""

from typing import Annotated, Final

from hw import ram
from hw.atomics import AtomicU64
from hw.bus.pci_function import FUNCTIONS, FunctionState, get
from hw.irq import msi
from hw.spec.apic import MSIX_ENTRY_MASKED, MsixEntry
from hw.spec.layout import Layout, guarded_by, layout, u64
from hw.spec.pci import (
    CAP_ID_MSIX,
    DEVICES_PER_BUS,
    MSIX_ENABLE,
    MSIX_FUNCTION_MASK,
    MsixCapability,
)

MAX_VECTORS: Final = 33
#: Where table and pending bits stand in their BAR.
TABLE_OFFSET: Final = 0x0000
PBA_OFFSET: Final = 0x8000
_CONTROL: Final = MsixCapability.offset_of("control")


@layout(size=16)
class EntryWords(Layout):
    """An MsixEntry as two words, as registers are read and written."""

    address: Annotated[u64, guarded_by("FunctionState.lock")]
    data_control: Annotated[u64, guarded_by("FunctionState.lock")]


@layout(size=8)
class PendingBits(Layout):
    """Vectors that were signalled while masked."""

    bits: AtomicU64


ENTRIES: Final = tuple(
    ram.BOARD.place_array(EntryWords, MAX_VECTORS, align=16) for _ in range(DEVICES_PER_BUS)
)
PENDING: Final = ram.BOARD.place_array(PendingBits, DEVICES_PER_BUS)


def capability(vectors: int, bar: int) -> tuple[bytes, bytes]:
    """Return bytes and write mask of a capability with so many vectors."""
    data = MsixCapability(
        cap_id=CAP_ID_MSIX, control=vectors - 1, table=TABLE_OFFSET | bar, pba=PBA_OFFSET | bar
    )
    return bytes(data), bytes(MsixCapability(control=MSIX_ENABLE | MSIX_FUNCTION_MASK))


def reset(slot: int) -> None:
    """Mask all vectors, as after power-on."""
    for entry in ENTRIES[slot]:
        entry.address = 0
        entry.data_control = MSIX_ENTRY_MASKED << 32
    PENDING[slot].bits.store(0)


def is_enabled(slot: int) -> bool:
    """Whether the function interrupts by messages instead of its pin."""
    return bool(FUNCTIONS[slot].msix_control & MSIX_ENABLE)


def signal(slot: int, vector: int) -> None:
    """Send a vector's message, or keep it pending while it is masked."""
    state = FUNCTIONS[slot]
    if vector >= state.msix_vectors:
        return
    with state.lock:
        word = state.msix_control
        if not word & MSIX_ENABLE:
            return
        entry = ENTRIES[slot][vector]
        if word & MSIX_FUNCTION_MASK or entry.data_control >> 32 & MSIX_ENTRY_MASKED:
            PENDING[slot].bits.or_(1 << vector)
            return
        _send(entry)


def _send(entry: EntryWords) -> None:
    msi.send(entry.address, entry.data_control & 0xFFFF_FFFF)


def _send_pending(slot: int, state: FunctionState) -> None:
    """Send what a mask held back. The lock is held."""
    word = state.msix_control
    if not word & MSIX_ENABLE or word & MSIX_FUNCTION_MASK:
        return
    pending = PENDING[slot].bits
    waiting = pending.value
    for vector in range(state.msix_vectors if waiting else 0):
        entry = ENTRIES[slot][vector]
        if waiting >> vector & 1 and not entry.data_control >> 32 & MSIX_ENTRY_MASKED:
            pending.and_(~(1 << vector))
            _send(entry)


def control_changed(slot: int) -> None:
    """Look again after a write to the capability."""
    state = FUNCTIONS[slot]
    if state.msix_cap:
        with state.lock:
            state.msix_control = get(state, state.msix_cap + _CONTROL, 2)
            _send_pending(slot, state)


def read(slot: int, offset: int, size: int) -> int:
    """Read table or pending bits."""
    state = FUNCTIONS[slot]
    ones = (1 << 8 * size) - 1
    shift = 8 * (offset & 7)
    if offset >= PBA_OFFSET:
        word = PENDING[slot].bits.value if offset < PBA_OFFSET + 8 else 0
        return word >> shift & ones
    index, inside = divmod(offset - TABLE_OFFSET, MsixEntry.SIZE)
    if index >= state.msix_vectors:
        return 0
    entry = ENTRIES[slot][index]
    return (entry.address if inside < 8 else entry.data_control) >> shift & ones


def write(slot: int, offset: int, size: int, value: int) -> None:
    """Write the table (4 or 8 bytes, aligned); pending bits are read-only."""
    state = FUNCTIONS[slot]
    index, inside = divmod(offset - TABLE_OFFSET, MsixEntry.SIZE)
    if offset >= PBA_OFFSET or index >= state.msix_vectors or size < 4 or offset % size:
        return
    shift = 8 * (offset & 7)
    keep = ~(((1 << 8 * size) - 1) << shift)
    with state.lock:
        entry = ENTRIES[slot][index]
        if inside < 8:
            entry.address = (entry.address & keep) | value << shift
        else:
            entry.data_control = (entry.data_control & keep) | value << shift
            _send_pending(slot, state)
