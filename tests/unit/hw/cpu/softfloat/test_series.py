"""128-bit products, quotients and the table look-up under them."""

import random

from hw.cpu.softfloat import series


def test_products_miss_two_units_at_most() -> None:
    rng = random.Random(1)
    for _ in range(200):
        a, b = rng.getrandbits(128), rng.getrandbits(128)
        high, low_word = series.multiply_high(
            a >> 64, a & (1 << 64) - 1, b >> 64, b & (1 << 64) - 1
        )
        assert 0 <= (a * b >> 128) - (high << 64 | low_word) <= 2


def test_quotients() -> None:
    rng = random.Random(2)
    for _ in range(50):
        n, d = (1 << 127 | rng.getrandbits(127) for _ in range(2))
        high, low_word = series.quotient(n >> 64, n & (1 << 64) - 1, d >> 64, d & (1 << 64) - 1)
        assert abs((n << 127) // d - (high << 64 | low_word)) <= 8


def test_leading() -> None:
    assert series.leading(1, 5) == (5 - 127 + (1 << 64), 1 << 63, 0)
    assert series.leading(3 << 126, 5) == (5, 3 << 62, 0)


def test_series_of_nothing_is_nothing() -> None:
    for function in (series.sine_series, series.cosine_series, series.arc_tangent_series):
        assert function(0, 0) == (0, 0)
    half = series.falling_exponential_series(1 << 63, 0)[0] / 2**64
    assert abs(half - (1 - (1 - 2.718281828459045**-0.5) / 0.5)) < 1e-15
