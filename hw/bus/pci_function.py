"""One PCI function a slot: its configuration space, which bytes of it software may write.

    config  256 bytes as software reads them
    mask    256 bytes: which bits a write changes; the size of a BAR is nothing but its mask

Spec: PCI Local Bus 3.0, chapter 6. State: board memory (FUNCTIONS, BAR_CHUNKS).
Locks: a raw lock a function. Context: launcher at power-on (define), then whoever accesses.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from hw import ram
from hw.bus.raw_lock import RawLock
from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, u32
from hw.spec.memory_map import PCI_WINDOW_BASE, PCI_WINDOW_SIZE
from hw.spec.pci import (
    BAR_64BIT,
    COMMAND_BUS_MASTER,
    COMMAND_INTX_DISABLE,
    COMMAND_MEMORY,
    DEVICES_PER_BUS,
    LEGACY_CONFIG_SIZE,
    NO_DEVICE,
    STATUS_CAPABILITIES,
    PciHeader,
)

#: Every BAR has this size, so that a chunk of the window belongs to one BAR at most.
BAR_SHIFT: Final = 16
BAR_SIZE: Final = 1 << BAR_SHIFT
_CHUNKS: Final = PCI_WINDOW_SIZE >> BAR_SHIFT
#: Pin A of slot n goes to this I/O APIC line + n % 8.
FIRST_PCI_LINE: Final = 24
PCI_LINES: Final = 8

_COMMAND: Final = PciHeader.offset_of("command")
_STATUS: Final = PciHeader.offset_of("status")
_BAR0: Final = PciHeader.offset_of("bar0")
_CAPABILITIES: Final = PciHeader.offset_of("capabilities")
_LINE: Final = PciHeader.offset_of("interrupt_line")

ConfigBytes = Annotated[Any, ctypes.c_uint8 * LEGACY_CONFIG_SIZE]


@layout(size=544)
class FunctionState(Layout):
    """A PCI function."""

    lock: RawLock
    present: Annotated[u32, fixed]
    #: Offset of the MSI-X capability, 0 without.
    msix_cap: Annotated[u32, fixed]
    #: Offset of the data word of the virtio configuration access capability, 0 without.
    access_data: Annotated[u32, fixed]
    msix_vectors: Annotated[u32, fixed]
    #: Copy of the capability's control word, for whoever interrupts.
    msix_control: Annotated[u32, atomic]
    reserved_0x1c: u32
    config: Annotated[ConfigBytes, guarded_by("FunctionState.lock")]
    mask: Annotated[ConfigBytes, fixed]


@layout(size=2 * _CHUNKS)
class BarChunks(Layout):
    """Which BAR answers in each chunk of the window: 0 none, else 1 + (slot << 3 | BAR)."""

    owner: Annotated[Any, ctypes.c_uint16 * _CHUNKS]


FUNCTIONS: Final = ram.BOARD.place_array(FunctionState, DEVICES_PER_BUS)
BAR_CHUNKS: Final = ram.BOARD.place(BarChunks)
_CHUNK_LOCK: Final = ram.BOARD.place(RawLock)


@dataclass(frozen=True)
class Identity:
    """Who a function says it is."""

    vendor_id: int
    device_id: int
    class_code: int
    subclass: int = 0
    subsystem_id: int = 0


@dataclass(frozen=True)
class Capability:
    """Bytes of a capability (id and next link included) and which of its bits are writable."""

    data: bytes
    mask: bytes = b""


def define(
    slot: int, identity: Identity, bars: Sequence[int], capabilities: Sequence[Capability]
) -> list[int]:
    """Build a function's configuration space; return the offsets of its capabilities.

    ``bars`` are the numbers of its 64-bit memory BARs, each BAR_SIZE bytes.
    """
    state = FUNCTIONS[slot]
    header = PciHeader(
        vendor_id=identity.vendor_id,
        device_id=identity.device_id,
        revision_id=1,
        subclass=identity.subclass,
        class_code=identity.class_code,
        subsystem_vendor_id=identity.vendor_id,
        subsystem_id=identity.subsystem_id,
        status=STATUS_CAPABILITIES if capabilities else 0,
        interrupt_line=line_of(slot) if bars else 0,
        interrupt_pin=1 if bars else 0,
    )
    command = COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE
    put(state.config, 0, bytes(header))
    put(state.mask, _COMMAND, command.to_bytes(2, "little"))
    put(state.mask, _LINE, b"\xff")
    for bar in bars:
        put(state.config, _BAR0 + 4 * bar, BAR_64BIT.to_bytes(4, "little"))
        put(state.mask, _BAR0 + 4 * bar, (~(BAR_SIZE - 1) & ((1 << 64) - 1)).to_bytes(8, "little"))
    offsets = []
    at = PciHeader.SIZE
    link = _CAPABILITIES
    for capability in capabilities:
        put(state.config, at, capability.data)
        put(state.mask, at, capability.mask)
        state.config[link] = at
        offsets.append(at)
        link = at + 1
        at = (at + len(capability.data) + 3) & ~3
    assert at <= LEGACY_CONFIG_SIZE, "capabilities do not fit"
    state.present = 1
    return offsets


def put(target: Any, offset: int, data: bytes) -> None:
    """Store bytes into a ConfigBytes field."""
    for index, byte in enumerate(data):
        target[offset + index] = byte


def get(state: FunctionState, offset: int, size: int) -> int:
    """Return bytes of a configuration space as a number."""
    return int.from_bytes(bytes(state.config[offset : offset + size]), "little")


def line_of(slot: int) -> int:
    """Return the I/O APIC line of a slot's pin A."""
    return FIRST_PCI_LINE + slot % PCI_LINES


def command_of(slot: int) -> int:
    """Return a function's command register."""
    return get(FUNCTIONS[slot], _COMMAND, 2)


def read_config(slot: int, offset: int, size: int) -> int:
    """Read configuration space; ones where there is no function, 0 beyond what it has."""
    state = FUNCTIONS[slot]
    if not state.present:
        return (NO_DEVICE << 16 | NO_DEVICE) & ((1 << 8 * size) - 1)
    if offset + size > LEGACY_CONFIG_SIZE:
        return 0
    with state.lock:
        return get(state, offset, size)


def write_config(slot: int, offset: int, size: int, value: int) -> None:
    """Write configuration space as far as it is writable."""
    state = FUNCTIONS[slot]
    if not state.present or offset + size > LEGACY_CONFIG_SIZE:
        return
    with state.lock:
        for index, byte in enumerate(value.to_bytes(size, "little"), start=offset):
            mask = state.mask[index]
            state.config[index] = (state.config[index] & ~mask) | (byte & mask)
    if offset < _BAR0 + 24 and offset + size > _COMMAND and not _STATUS <= offset < _BAR0:
        _map_bars()


def _map_bars() -> None:
    """Rebuild the table of the window from all functions' BARs."""
    with _CHUNK_LOCK:
        for chunk, owner in enumerate(BAR_CHUNKS.owner):
            if owner:
                BAR_CHUNKS.owner[chunk] = 0
        for slot, state in enumerate(FUNCTIONS):
            if state.present and command_of(slot) & COMMAND_MEMORY:
                _map_function(slot, state)


def _map_function(slot: int, state: FunctionState) -> None:
    for bar in range(0, 6, 2):
        if state.mask[_BAR0 + 4 * bar + 3]:
            address = get(state, _BAR0 + 4 * bar, 8) & ~(BAR_SIZE - 1)
            chunk = (address - PCI_WINDOW_BASE) >> BAR_SHIFT
            if 0 <= chunk < _CHUNKS:
                BAR_CHUNKS.owner[chunk] = 1 + (slot << 3 | bar)


def bar_at(offset: int) -> tuple[int, int] | None:
    """Return slot and BAR that answer at an offset of the window, None if none."""
    owner = BAR_CHUNKS.owner[offset >> BAR_SHIFT]
    return divmod(owner - 1, 8) if owner else None
