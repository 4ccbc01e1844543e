"""The two hot paths of a local APIC as native code: which vector comes next, and its end.

Why: an interrupt passes here twice; step by step from Python that would cost 4 us, as much as the
doorbell that wakes the core. The source is the typed subset: as it stands it is the plain twin.

Spec: Intel SDM vol. 3, 11.8.
State: the local APIC's registers and the core's pending word, by host address.
Locks: none; IRR and the pending word, which others write too, change by atomics only.
Context: the core itself.
"""

import ctypes
from typing import Final

from hw import native
from hw.cpu.handler_compiler import source_key
from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module
from hw.cpu.memory_primitives import address_of, atomic_load, atomic_rmw, host_load, plain_store
from hw.cpu.primitives import leading_zeros, u64
from hw.cpu.subset import noinline
from hw.irq.apic_state import LocalApicState
from hw.ram import PENDING_INTERRUPT

#: What ``accept`` returns when an event (INIT, STARTUP, NMI) comes first.
EVENT: Final = 256
_IRR: Final = LocalApicState.offset_of("irr0")
_TMR: Final = LocalApicState.offset_of("tmr0")
_ISR: Final = LocalApicState.offset_of("isr0")
_EVENTS: Final = LocalApicState.offset_of("events")
_CLASS: Final = 0xF0


def highest(s: LocalApicState, register: int) -> int:
    """Return the highest vector set in a register of 256 bits, 0 for none (0 cannot be sent)."""
    word = 4
    while word != 0:
        word = word - 1
        bits = host_load(address_of(s) + register + (word << 3), 64)
        if bits != 0:
            return (word << 6) + 63 - leading_zeros(bits)
    return 0


def priority(s: LocalApicState) -> int:
    """Return the processor priority (PPR)."""
    served = highest(s, _ISR) & _CLASS
    return s.tpr if s.tpr & _CLASS >= served else served


def deliverable(s: LocalApicState) -> int:
    """Return the highest requested vector if its class is above the priority, else 0."""
    vector = highest(s, _IRR)
    return vector if vector & _CLASS > priority(s) & _CLASS else 0


@noinline
def accept(s: LocalApicState, pending: int) -> int:
    """Move the next vector from IRR to ISR and return it; 0 if nothing may be taken, or EVENT.

    ``pending`` is the host address of the core's pending word. Its flag falls when nothing may be
    taken; what came in between is looked for after that.
    """
    vector = 0
    while vector == 0:
        if atomic_load(address_of(s) + _EVENTS) != 0:
            return EVENT
        vector = deliverable(s)
        if vector == 0:
            atomic_rmw("and", pending, 64, u64(~PENDING_INTERRUPT))
            if deliverable(s) == 0 and atomic_load(address_of(s) + _EVENTS) == 0:
                return 0
            atomic_rmw("or", pending, 64, PENDING_INTERRUPT)
    place = address_of(s) + (vector >> 6 << 3)
    bit = 1 << (vector & 63)
    atomic_rmw("and", place + _IRR, 64, u64(~bit))
    plain_store(place + _ISR, host_load(place + _ISR, 64) | bit)
    return vector


@noinline
def eoi(s: LocalApicState, pending: int) -> int:
    """End the interrupt of highest priority in service; its vector if it is level-triggered."""
    vector = highest(s, _ISR)
    if vector == 0:
        return 0
    place = address_of(s) + (vector >> 6 << 3)
    bit = 1 << (vector & 63)
    plain_store(place + _ISR, host_load(place + _ISR, 64) & ~bit)
    look_again(s, pending)
    return vector if host_load(place + _TMR, 64) & bit != 0 else 0


@noinline
def look_again(s: LocalApicState, pending: int) -> None:
    """Raise the pending word's flag if something is deliverable now."""
    if deliverable(s) != 0:
        atomic_rmw("or", pending, 64, PENDING_INTERRUPT)


_ENTRIES: Final = {"apic_accept": accept, "apic_eoi": eoi, "apic_look_again": look_again}


def _text() -> str:
    module = Module()
    for symbol, function in _ENTRIES.items():
        module.texts.append(compile_function(module, function, f"@{symbol}"))
    return module.text()


_AT: Final = native.load(f"{source_key(__name__)}:acceptance", _ENTRIES, _text)
_W: Final = ctypes.c_uint64

#: The native twins; they take the host address of the LocalApicState.
native_accept: Final = native.function(_AT["apic_accept"], _W, _W, _W)
native_eoi: Final = native.function(_AT["apic_eoi"], _W, _W, _W)
native_look_again: Final = native.function(_AT["apic_look_again"], None, _W, _W)
