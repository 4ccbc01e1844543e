"""Interrupt registers: places, fields that do not overlap, messages that reach their core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.spec import apic
from tests.support import host_headers

#: SDM vol. 3, table 11-10: divide configuration bits 3, 1, 0.
DIVISORS = {0b0000: 2, 0b0001: 4, 0b0010: 8, 0b0011: 16, 0b1000: 32, 0b1001: 64, 0b1010: 128,
            0b1011: 1}  # fmt: skip


@pytest.mark.parametrize(("register", "divisor"), DIVISORS.items())
def test_timer_divisor(register: int, divisor: int):
    assert apic.timer_divisor(register) == divisor
    assert apic.timer_divisor(register | 0b0100) == divisor  # bit 2 is reserved


def test_x2apic_registers_have_the_numbers_of_the_manual():
    numbers = {"ID": 0x802, "VERSION": 0x803, "TPR": 0x808, "PPR": 0x80A, "EOI": 0x80B,
               "LDR": 0x80D, "SVR": 0x80F, "ISR": 0x810, "TMR": 0x818, "IRR": 0x820, "ESR": 0x828,
               "ICR_LOW": 0x830, "LVT_TIMER": 0x832, "LVT_THERMAL": 0x833, "LVT_PERF": 0x834,
               "LVT_LINT0": 0x835, "LVT_LINT1": 0x836, "LVT_ERROR": 0x837, "TIMER_INITIAL": 0x838,
               "TIMER_CURRENT": 0x839, "TIMER_DIVIDE": 0x83E, "SELF_IPI": 0x83F}  # fmt: skip
    ours = {n: apic.X2APIC_MSR_BASE + (getattr(apic, f"LAPIC_{n}") >> 4) for n in numbers}
    assert ours == numbers
    assert max(numbers.values()) < apic.X2APIC_MSR_END


@given(st.integers(0, 0x7FFF))
def test_message_address_is_that_of_linux(apic_id: int):
    """As x86_msi_msg_addr_lo has it: bits 4..2 flags, 11..5 destination 14..8, 19..12 its 7..0."""
    expected = 0xFEE00000 + (apic_id % 256) * 4096 + (apic_id // 256) * 32
    assert apic.msi_address(apic_id) == expected
    assert apic.MSI_ADDRESS_BASE <= expected < apic.MSI_ADDRESS_END


def test_message_for_an_id_that_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        apic.msi_address(0x8000)


def test_parts_of_the_command_register_do_not_overlap():
    parts = [
        apic.VECTOR.mask, apic.DELIVERY_MODE.mask, apic.DEST_LOGICAL, apic.ICR_DELIVERY_PENDING,
        apic.ICR_ASSERT, apic.ICR_LEVEL, apic.ICR_SHORTHAND.mask, apic.ICR_DEST_X2APIC.mask,
    ]  # fmt: skip
    assert sum(parts) == 0xFFFF_FFFF_000C_DFFF  # SDM vol. 3, figure 11-28
    assert apic.ICR_DEST_XAPIC.mask == 0xFF00_0000_0000_0000


def test_parts_of_a_redirection_entry_do_not_overlap():
    parts = [
        apic.VECTOR.mask, apic.DELIVERY_MODE.mask, apic.DEST_LOGICAL, apic.REDIRECT_PENDING,
        apic.REDIRECT_ACTIVE_LOW, apic.REDIRECT_REMOTE_IRR, apic.REDIRECT_LEVEL,
        apic.REDIRECT_MASKED, apic.REDIRECT_DEST.mask,
    ]  # fmt: skip
    assert sum(parts) == 0xFF00_0000_0001_FFFF  # 82093AA, 3.2.4


def test_msix_entry_is_that_of_linux():
    names = ("LOWER_ADDR", "UPPER_ADDR", "DATA", "VECTOR_CTRL")
    asked = [f"PCI_MSIX_ENTRY_{n}" for n in names] + ["PCI_MSIX_ENTRY_SIZE"]
    fields = ("address_low", "address_high", "data", "control")
    theirs = list(host_headers.named_values(["linux/pci_regs.h"], asked).values())
    assert [*map(apic.MsixEntry.offset_of, fields), apic.MsixEntry.SIZE] == theirs
