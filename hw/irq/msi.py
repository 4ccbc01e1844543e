"""Interrupt messages: what a device writes to 0xFEExxxxx becomes an interrupt.

Spec: Intel SDM vol. 3, 11.11. State: none. Locks: none. Context: any process of the machine.
"""

from hw import trace
from hw.irq import delivery
from hw.spec.apic import (
    DELIVERY_MODE,
    MSI_ADDRESS_BASE,
    MSI_ADDRESS_END,
    MSI_DEST,
    MSI_DEST_EXTENDED,
    MSI_DEST_LOGICAL,
    MSI_LEVEL,
    VECTOR,
)


def is_message(address: int) -> bool:
    """Whether a write to this physical address is an interrupt message."""
    return MSI_ADDRESS_BASE <= address < MSI_ADDRESS_END


def send(address: int, data: int) -> bool:
    """Deliver a message; return whether a core accepted it."""
    if trace.CONTROL.enabled:
        trace.record_here(trace.INTERRUPT_SENT, VECTOR.get(data), MSI_DEST.get(address))
    destination = MSI_DEST.get(address) | MSI_DEST_EXTENDED.get(address) << 8
    return delivery.send(
        DELIVERY_MODE.get(data),
        VECTOR.get(data),
        destination,
        logical=bool(address & MSI_DEST_LOGICAL),
        level=bool(data & MSI_LEVEL),
    )
