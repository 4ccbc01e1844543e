"""Local APIC, I/O APIC and interrupt messages: registers and bits, as cores and kernel see them.

    interrupt command register            redirection entry / message data
    63        56 55       20 19 18 17..8 7..0
    +-----------+-----------+-----+-----+------+
    | dest (8)  | reserved  | sh. | mode| vec  |   x2APIC: the destination is bits 63..32
    +-----------+-----------+-----+-----+------+

Spec: Intel SDM vol. 3 chapter 11 (xAPIC, x2APIC), AMD APM vol. 2 chapter 16, Intel 82093AA.
State: none. Context: any.
"""

from typing import Final

from hw.spec.layout import Field, Layout, layout, u32

# Local APIC register offsets in its 4 KiB page; each register is 32 bits on a 16-byte border.
# In x2APIC mode a register is MSR X2APIC_MSR_BASE + (offset >> 4).
LAPIC_ID: Final = 0x020
LAPIC_VERSION: Final = 0x030
LAPIC_TPR: Final = 0x080
LAPIC_APR: Final = 0x090
LAPIC_PPR: Final = 0x0A0
LAPIC_EOI: Final = 0x0B0
LAPIC_LDR: Final = 0x0D0
LAPIC_DFR: Final = 0x0E0
LAPIC_SVR: Final = 0x0F0
LAPIC_ISR: Final = 0x100
LAPIC_TMR: Final = 0x180
LAPIC_IRR: Final = 0x200
LAPIC_ESR: Final = 0x280
LAPIC_ICR_LOW: Final = 0x300
LAPIC_ICR_HIGH: Final = 0x310
LAPIC_LVT_TIMER: Final = 0x320
LAPIC_LVT_THERMAL: Final = 0x330
LAPIC_LVT_PERF: Final = 0x340
LAPIC_LVT_LINT0: Final = 0x350
LAPIC_LVT_LINT1: Final = 0x360
LAPIC_LVT_ERROR: Final = 0x370
LAPIC_TIMER_INITIAL: Final = 0x380
LAPIC_TIMER_CURRENT: Final = 0x390
LAPIC_TIMER_DIVIDE: Final = 0x3E0
#: x2APIC only: sends a vector to the core itself.
LAPIC_SELF_IPI: Final = 0x3F0

LAPIC_PAGE_SIZE: Final = 0x1000
#: Integrated APIC, 6 LVT entries.
LAPIC_VERSION_VALUE: Final = 0x0005_0014

MSR_APIC_BASE: Final = 0x1B
APIC_BASE_BSP: Final = 1 << 8
APIC_BASE_X2APIC: Final = 1 << 10
APIC_BASE_ENABLE: Final = 1 << 11
MSR_TSC_DEADLINE: Final = 0x6E0
X2APIC_MSR_BASE: Final = 0x800
X2APIC_MSR_END: Final = 0x900

#: Spurious-vector register: software enable; a disabled APIC accepts only NMI, INIT and SIPI.
SVR_ENABLE: Final = 1 << 8
SVR_VECTOR: Final = Field(0, 8)

# Fields shared by ICR, LVT entries, redirection entries and message data.
VECTOR: Final = Field(0, 8)
DELIVERY_MODE: Final = Field(8, 3)
DELIVERY_FIXED: Final = 0
DELIVERY_LOWEST: Final = 1
DELIVERY_SMI: Final = 2
DELIVERY_NMI: Final = 4
DELIVERY_INIT: Final = 5
DELIVERY_STARTUP: Final = 6
DELIVERY_EXTINT: Final = 7
DEST_LOGICAL: Final = 1 << 11

ICR_DELIVERY_PENDING: Final = 1 << 12
ICR_ASSERT: Final = 1 << 14
ICR_LEVEL: Final = 1 << 15
ICR_SHORTHAND: Final = Field(18, 2)
SHORTHAND_NONE: Final = 0
SHORTHAND_SELF: Final = 1
SHORTHAND_ALL: Final = 2
SHORTHAND_OTHERS: Final = 3
ICR_DEST_XAPIC: Final = Field(56, 8)
ICR_DEST_X2APIC: Final = Field(32, 32)
#: Physical destination that names every core.
DEST_BROADCAST_XAPIC: Final = 0xFF
DEST_BROADCAST_X2APIC: Final = 0xFFFF_FFFF

LVT_MASKED: Final = 1 << 16
LVT_TIMER_MODE: Final = Field(17, 2)
TIMER_ONE_SHOT: Final = 0
TIMER_PERIODIC: Final = 1
TIMER_TSC_DEADLINE: Final = 2

#: The timer counts at this rate before its divider, as on KVM.
APIC_TIMER_HZ: Final = 1_000_000_000

ESR_SEND_ILLEGAL_VECTOR: Final = 1 << 5
ESR_RECEIVE_ILLEGAL_VECTOR: Final = 1 << 6
ESR_ILLEGAL_REGISTER: Final = 1 << 7

#: Vectors below this are exceptions; an interrupt that carries one is an error.
FIRST_LEGAL_VECTOR: Final = 16
NMI_VECTOR: Final = 2


def timer_divisor(divide_register: int) -> int:
    """Return what the timer's divide register (bits 3, 1, 0) divides by: 1 to 128."""
    code = (divide_register & 3) | ((divide_register >> 1) & 4)
    return 1 if code == 7 else 2 << code


# I/O APIC: an index register and a data window.
IO_APIC_SELECT: Final = 0x00
IO_APIC_WINDOW: Final = 0x10
IO_APIC_EOI: Final = 0x40
IO_APIC_SIZE: Final = 0x1000
IO_APIC_REG_ID: Final = 0x00
IO_APIC_REG_VERSION: Final = 0x01
IO_APIC_REG_ARBITRATION: Final = 0x02
#: Two 32-bit registers a line, low half first.
IO_APIC_REG_REDIRECTION: Final = 0x10
#: Version 0x20 has the EOI register.
IO_APIC_VERSION: Final = 0x20
IO_APIC_LINES: Final = 32

REDIRECT_PENDING: Final = 1 << 12
REDIRECT_ACTIVE_LOW: Final = 1 << 13
REDIRECT_REMOTE_IRR: Final = 1 << 14
REDIRECT_LEVEL: Final = 1 << 15
REDIRECT_MASKED: Final = 1 << 16
REDIRECT_DEST: Final = Field(56, 8)

# Interrupt messages: a 32-bit write to MSI_ADDRESS_BASE and above.
MSI_ADDRESS_BASE: Final = 0xFEE0_0000
MSI_ADDRESS_END: Final = 0xFEF0_0000
MSI_DEST: Final = Field(12, 8)
#: Bits 14..8 of the destination (extended destination id, as KVM and Hyper-V define it).
MSI_DEST_EXTENDED: Final = Field(5, 7)
MSI_DEST_LOGICAL: Final = 1 << 2
MSI_ASSERT: Final = 1 << 14
MSI_LEVEL: Final = 1 << 15


def msi_address(apic_id: int) -> int:
    """Message address that reaches the core with this APIC id (below 32768)."""
    return (
        MSI_ADDRESS_BASE | MSI_DEST.put(0, apic_id & 0xFF) | MSI_DEST_EXTENDED.put(0, apic_id >> 8)
    )


@layout(size=16)
class MsixEntry(Layout):
    """One entry of an MSI-X table (PCI 3.0, 6.8.2.9)."""

    address_low: u32
    address_high: u32
    data: u32
    control: u32  #: MSIX_ENTRY_MASKED


MSIX_ENTRY_MASKED: Final = 1 << 0
