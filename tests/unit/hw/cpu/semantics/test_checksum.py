"""CRC-32C: the published check value, and that sizes agree with one another."""

from hypothesis import given
from hypothesis import strategies as st

from hw.cpu.semantics.checksum import crc32c


def _of(data: bytes) -> int:
    crc = 0xFFFF_FFFF
    for byte in data:
        crc = crc32c(crc, byte, 8)
    return crc ^ 0xFFFF_FFFF


def test_check_value_of_the_polynomial():
    assert _of(b"123456789") == 0xE306_9283


@given(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 64) - 1))
def test_eight_bytes_at_once_are_eight_bytes(crc: int, value: int):
    parts = crc
    for byte in value.to_bytes(8, "little"):
        parts = crc32c(parts, byte, 8)
    assert crc32c(crc, value, 64) == parts
    halves = crc32c(crc32c(crc, value, 32), value >> 32, 32)
    assert halves == parts
