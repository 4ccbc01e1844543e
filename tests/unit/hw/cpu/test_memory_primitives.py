"""Primitives for memory: their LLVM instructions do what their Python bodies do."""

import ctypes

from hw.cpu.memory_primitives import host_load, host_store
from tests.support.compiled import BORDERS, compiled


def exchange(address: int, value: int) -> int:
    """A byte and a word at odd addresses."""
    found = host_load(address + 1, 64)
    host_store(address + 1, 64, value)
    host_store(address + 9, 8, value)
    return found


def test_host_memory_takes_any_alignment():
    fast = compiled(exchange, 2)
    for value in BORDERS:
        native, python = ((ctypes.c_uint8 * 16)(*range(16)) for _ in range(2))
        results = [f(ctypes.addressof(m), value) for f, m in ((fast, native), (exchange, python))]
        assert results[0] == results[1]
        assert bytes(native) == bytes(python)
        assert bytes(native)[1:9] == value.to_bytes(8, "little")
