"""An interrupt reaches a core: a bit in its IRR, a bit in its pending word, its doorbell.

All ways lead here: the command register of another core, a message from a device, the I/O APIC,
the core's own timer. Nothing is lost while a core is busy, and nothing is queued: a vector that is
asked for twice before it is accepted is served once, as on hardware.

Spec: Intel SDM vol. 3, 11.6 to 11.8. State: board memory (APICS, PENDING).
Locks: none. Context: any process of the machine.
"""

import ctypes
from typing import Final

from hw import atomics
from hw.irq import doorbell
from hw.irq.apic_state import (
    APICS,
    EVENT_INIT,
    EVENT_NMI,
    EVENT_STARTUP,
    STARTUP_VECTOR_SHIFT,
    LocalApicState,
)
from hw.irq.party import PARTIES, core_count, core_with_apic_id
from hw.ram import PENDING_INTERRUPT
from hw.spec.apic import (
    APIC_BASE_X2APIC,
    DELIVERY_FIXED,
    DELIVERY_INIT,
    DELIVERY_LOWEST,
    DELIVERY_NMI,
    DELIVERY_STARTUP,
    DEST_BROADCAST_X2APIC,
    DEST_BROADCAST_XAPIC,
    ESR_RECEIVE_ILLEGAL_VECTOR,
    FIRST_LEGAL_VECTOR,
    SVR_ENABLE,
)

_MASK: Final = (1 << 64) - 1
# Host addresses of each core's words.
_IRR_AT: Final = tuple(ctypes.addressof(s) + LocalApicState.offset_of("irr0") for s in APICS)
_EVENTS_AT: Final = tuple(ctypes.addressof(s) + LocalApicState.offset_of("events") for s in APICS)
_TMR_AT: Final = tuple(s.phys + LocalApicState.offset_of("tmr0") for s in APICS)


def deliver(core: int, mode: int, vector: int, *, level: bool = False) -> bool:
    """Send one interrupt to one core; return whether it was accepted.

    ``mode`` is DELIVERY_*; the lowest-priority mode has chosen its core already.
    """
    if mode in (DELIVERY_FIXED, DELIVERY_LOWEST):
        return _deliver_vector(core, vector, level=level)
    if mode == DELIVERY_NMI:
        _post(core, EVENT_NMI)
    elif mode == DELIVERY_INIT:
        _post(core, EVENT_INIT)
    elif mode == DELIVERY_STARTUP:
        _post(core, EVENT_STARTUP | vector << STARTUP_VECTOR_SHIFT)
    else:
        return False
    return True


def _deliver_vector(core: int, vector: int, *, level: bool) -> bool:
    state = APICS[core]
    if vector < FIRST_LEGAL_VECTOR:
        state.errors.or_(ESR_RECEIVE_ILLEGAL_VECTOR)
        return False
    if not state.svr & SVR_ENABLE:
        return False
    offset = (vector >> 6) << 3
    bit = 1 << (vector & 63)
    if level:
        atomics.or64(_TMR_AT[core] + offset, bit)
    elif atomics.load64(_TMR_AT[core] + offset) & bit:
        atomics.and64(_TMR_AT[core] + offset, _MASK ^ bit)
    doorbell.post(core, _IRR_AT[core] + offset, bit, PENDING_INTERRUPT)
    return True


def _post(core: int, bits: int) -> None:
    doorbell.post(core, _EVENTS_AT[core], bits, PENDING_INTERRUPT)


def targets(destination: int, *, logical: bool, wide: bool = False) -> list[int]:
    """Return the cores that a destination names; ``wide`` if it is an x2APIC one (32 bits)."""
    if not logical:
        broadcast = DEST_BROADCAST_X2APIC if wide else DEST_BROADCAST_XAPIC
        if destination == broadcast:
            return list(range(core_count()))
        core = core_with_apic_id(destination)
        return [] if core is None else [core]
    return [core for core in range(core_count()) if _matches(core, destination)]


def _matches(core: int, destination: int) -> bool:
    """Whether a logical destination names a core (SDM vol. 3, 11.6.2.2 and 11.12.10.2)."""
    state = APICS[core]
    if state.base & APIC_BASE_X2APIC:
        apic_id = PARTIES[core].apic_id
        return destination >> 16 == apic_id >> 4 and bool(destination >> (apic_id & 15) & 1)
    mine = state.ldr >> 24
    if state.dfr >> 28 == 0xF:
        return bool(destination & mine)
    return destination >> 4 in (mine >> 4, 0xF) and bool(destination & mine & 0xF)


def send(
    mode: int, vector: int, destination: int, *, logical: bool, wide: bool = False,
    level: bool = False,
) -> bool:  # fmt: skip
    """Send to all cores that ``destination`` names; return whether any accepted.

    Lowest-priority delivery picks one core: the one with the lowest task priority.
    """
    if not logical and mode == DELIVERY_FIXED:
        # The usual case, without a list.
        core = core_with_apic_id(destination)
        if core is not None:
            return _deliver_vector(core, vector, level=level)
    cores = targets(destination, logical=logical, wide=wide)
    if mode == DELIVERY_LOWEST and len(cores) > 1:
        enabled = [core for core in cores if APICS[core].svr & SVR_ENABLE]
        cores = [min(enabled, key=lambda core: APICS[core].tpr)] if enabled else []
    accepted = False
    for core in cores:
        accepted |= deliver(core, mode, vector, level=level)
    return accepted
