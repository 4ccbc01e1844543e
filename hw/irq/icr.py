"""The interrupt command register: one core sends to others.

Spec: Intel SDM vol. 3, 11.6.1. State: board memory. Locks: none. Context: the sending core.
"""

from typing import Final

from hw.irq import delivery
from hw.irq.apic_state import APICS
from hw.irq.party import core_count
from hw.spec.apic import (
    DELIVERY_FIXED,
    DELIVERY_INIT,
    DELIVERY_LOWEST,
    DELIVERY_MODE,
    DEST_LOGICAL,
    ESR_SEND_ILLEGAL_VECTOR,
    FIRST_LEGAL_VECTOR,
    ICR_ASSERT,
    ICR_DEST_X2APIC,
    ICR_DEST_XAPIC,
    ICR_LEVEL,
    ICR_SHORTHAND,
    SHORTHAND_ALL,
    SHORTHAND_NONE,
    SHORTHAND_SELF,
    VECTOR,
)

#: What a fixed interrupt to one core by its APIC id, the usual command, has none of.
_UNUSUAL: Final = DELIVERY_MODE.mask | ICR_SHORTHAND.mask | DEST_LOGICAL


def send(core: int, command: int, *, wide: bool) -> None:
    """Do what the command word of ``core`` says; ``wide`` if it has the x2APIC form."""
    vector = command & VECTOR.mask
    if not command & _UNUSUAL and vector >= FIRST_LEGAL_VECTOR:
        destination = (ICR_DEST_X2APIC if wide else ICR_DEST_XAPIC).get(command)
        delivery.send(DELIVERY_FIXED, vector, destination, logical=False, wide=wide)
        return
    mode = DELIVERY_MODE.get(command)
    if mode in (DELIVERY_FIXED, DELIVERY_LOWEST) and vector < FIRST_LEGAL_VECTOR:
        APICS[core].errors.or_(ESR_SEND_ILLEGAL_VECTOR)
        return
    if mode == DELIVERY_INIT and command & ICR_LEVEL and not command & ICR_ASSERT:
        return  # INIT level de-assert: no meaning since the Pentium 4
    shorthand = ICR_SHORTHAND.get(command)
    if shorthand == SHORTHAND_NONE:
        destination = (ICR_DEST_X2APIC if wide else ICR_DEST_XAPIC).get(command)
        delivery.send(mode, vector, destination, logical=bool(command & DEST_LOGICAL), wide=wide)
        return
    if shorthand == SHORTHAND_SELF:
        delivery.deliver(core, mode, vector)
        return
    for target in range(core_count()):
        if target != core or shorthand == SHORTHAND_ALL:
            delivery.deliver(target, mode, vector)
