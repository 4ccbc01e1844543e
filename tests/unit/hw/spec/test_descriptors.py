"""Descriptors: values that Linux and this machine's tables use, taken apart by hand."""

from hw.spec import descriptors
from hw.spec.descriptors import decode, decode_gate


def test_flat_code_of_64_bits() -> None:
    found = decode(8, 0x00AF_9B00_0000_FFFF)
    assert (found.base, found.limit, found.dpl) == (0, 0xFFFF_FFFF, 0)
    assert found.is_code
    assert found.is_present
    assert found.is_readable
    assert not found.is_writable
    assert found.attributes & descriptors.ATTRIBUTE_LONG


def test_base_and_limit_are_put_together() -> None:
    found = decode(0, 0x12_40_F3_345678_9ABC)
    assert (found.base, found.limit, found.dpl) == (0x12345678, 0x9ABC, 3)
    assert found.is_writable


def test_system_descriptor_of_16_bytes() -> None:
    found = decode(0x38, 0x8900_0000_0067, 0xFFFF_8000)
    assert found.is_system
    assert (found.type, found.base, found.limit) == (descriptors.TSS, 0xFFFF_8000 << 32, 0x67)


def test_gate() -> None:
    gate = decode_gate(0x1234_EE03_0008_5678, 0xFFFF_FFFF)
    assert (gate.selector, gate.offset) == (8, 0xFFFF_FFFF_1234_5678)
    assert (gate.type, gate.dpl, gate.ist) == (descriptors.INTERRUPT_GATE, 3, 3)
    assert gate.is_gate
    assert gate.is_present
