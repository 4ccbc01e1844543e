"""The interrupt hardware's model-specific registers: APIC base, TSC deadline, x2APIC.

Spec: Intel SDM vol. 3, 11.4.4, 11.5.4.1, 11.12. State: board memory. Locks: none.
Context: the core that executes RDMSR or WRMSR.
"""

from hw.irq import apic_timer
from hw.irq.local_apic import LOCAL_APICS
from hw.spec.apic import MSR_APIC_BASE, MSR_TSC_DEADLINE, X2APIC_MSR_BASE, X2APIC_MSR_END


def is_ours(index: int) -> bool:
    """Whether a register is one of these."""
    in_x2apic = X2APIC_MSR_BASE <= index < X2APIC_MSR_END
    return in_x2apic or index in (MSR_APIC_BASE, MSR_TSC_DEADLINE)


def read(core: int, index: int) -> int | None:
    """Read a register; None if that is a general-protection fault."""
    if index == MSR_APIC_BASE:
        return LOCAL_APICS[core].base()
    if index == MSR_TSC_DEADLINE:
        return apic_timer.deadline(core)
    if X2APIC_MSR_BASE <= index < X2APIC_MSR_END:
        return LOCAL_APICS[core].read_x2apic((index - X2APIC_MSR_BASE) << 4)
    return None


def write(core: int, index: int, value: int) -> bool:
    """Write a register; False if that is a general-protection fault."""
    if index == MSR_APIC_BASE:
        return LOCAL_APICS[core].set_base(value)
    if index == MSR_TSC_DEADLINE:
        apic_timer.set_deadline(core, value)
        return True
    if X2APIC_MSR_BASE <= index < X2APIC_MSR_END:
        return LOCAL_APICS[core].write_x2apic((index - X2APIC_MSR_BASE) << 4, value)
    return False
