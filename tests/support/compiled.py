"""Functions of the typed subset compiled for a test, and held to their own Python."""

import ctypes
import hashlib
import random
from collections.abc import Callable
from typing import Any, Final

from hw import native
from hw.cpu.inlining import compile_function
from hw.cpu.ir import Module

#: Integers at which things change.
BORDERS: Final = (
    0, 1, 2, 7, 63, 64, 127, 128, 255, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip


def compiled(function: Callable[..., int], count: int) -> Callable[..., Any]:
    """The native twin of a function of ``count`` integers."""
    module = Module()
    symbol = f"t_{function.__name__}"
    module.texts.append(compile_function(module, function, f"@{symbol}"))
    text = module.text()
    key = hashlib.sha256(text.encode()).hexdigest()
    return native.function(
        native.load(key, [symbol], lambda: text)[symbol],
        ctypes.c_uint64,
        *[ctypes.c_uint64] * count,
    )


def assert_equals_python(function: Callable[[int, int], int]) -> None:
    """Compare a function of two integers, compiled, with itself."""
    fast = compiled(function, 2)
    rng = random.Random(3)
    pairs = [(a, b) for a in BORDERS for b in BORDERS]
    pairs += [(rng.getrandbits(64), rng.getrandbits(rng.choice([8, 32, 64]))) for _ in range(500)]
    for a, b in pairs:
        assert fast(a, b) == function(a, b), (a, b)
