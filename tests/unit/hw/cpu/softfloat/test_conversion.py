"""Conversions against Python's own numbers."""

import random
import struct
from fractions import Fraction
from math import ceil, floor

import pytest

from hw.cpu.softfloat import conversion
from hw.cpu.softfloat.number import BIAS, DENORMAL, INEXACT, INVALID, OVERFLOW, SPECIAL, TOP
from tests.support.long_numbers import numbers, value_of

_CONTROL = 0x37F
_FORMAT = {32: "<f", 64: "<d"}


@pytest.mark.parametrize("bits", [32, 64])
def test_binary_there_and_back(bits: int) -> None:
    rng = random.Random(bits)
    for _ in range(300):
        raw = rng.getrandbits(bits)
        number = struct.unpack(_FORMAT[bits], raw.to_bytes(bits // 8, "little"))[0]
        se, m, flags = conversion.from_binary(raw, bits)
        if number in (float("inf"), float("-inf")) or number != number:  # noqa: PLR0124 a NaN
            continue
        assert value_of(se, m) == Fraction(number)
        assert conversion.to_binary(_CONTROL, se, m, bits) == (raw, 0)
        assert flags in (0, DENORMAL)


def test_doubles_are_rounded_as_python_rounds() -> None:
    for se, m in numbers(random.Random(8), 300, -1074, 1023):
        raw, flags = conversion.to_binary(_CONTROL, se, m, 64)
        got = struct.unpack("<d", raw.to_bytes(8, "little"))[0]
        want = float(value_of(se, m))
        assert got == want
        assert (flags & INEXACT != 0) == (Fraction(want) != value_of(se, m))


def test_too_large_for_a_single() -> None:
    assert conversion.to_binary(_CONTROL, BIAS + 200, TOP, 32)[0] == 0x7F80_0000
    towards_zero = _CONTROL | 3 << 10
    assert conversion.to_binary(towards_zero, BIAS + 200, TOP, 32)[0] == 0x7F7F_FFFF
    assert conversion.to_binary(_CONTROL & ~OVERFLOW, BIAS + 200, TOP, 32)[1] == OVERFLOW


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_integers(bits: int, mode: int) -> None:
    for se, m in numbers(random.Random(mode), 200, -3, bits + 1):
        value = value_of(se, m)
        whole = (round, floor, ceil, int)[mode](value)
        got, flags = conversion.to_integer(mode, se, m, bits)
        if -(1 << bits - 1) <= whole < 1 << bits - 1:
            assert got % (1 << bits) == whole % (1 << bits)
            assert flags & INVALID == 0
        else:
            assert (got, flags) == (1 << bits - 1, INVALID)
    assert conversion.from_integer((1 << 64) - 3) == (0x8000 | BIAS + 1, 3 << 62)


def test_decimal_there_and_back() -> None:
    rng = random.Random(12)
    for _ in range(100):
        value = rng.randrange(10**18)
        packed = int(str(value), 16)
        se, m = conversion.from_decimal(packed & (1 << 64) - 1, packed >> 64 | 0x8000)
        assert value_of(se, m) == -value
        low_word, high, flags = conversion.to_decimal(0, se, m)
        assert (low_word | (high & 0x7FFF) << 64, high >> 15, flags) == (packed, 1, 0)
    assert conversion.to_decimal(0, SPECIAL, TOP)[2] == INVALID


def test_round_to_integer() -> None:
    for se, m in numbers(random.Random(13), 200, -3, 66):
        got_se, got, _ = conversion.round_to_integer(_CONTROL, se, m)
        assert value_of(got_se, got) == round(value_of(se, m))
