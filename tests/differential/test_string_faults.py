"""A repeated string instruction that faults on its way: what it has done by then, as on the host.

Both directions, all sizes, each prefix, either operand at the border; the element at the border
may stand across it.
"""

import ctypes
from itertools import product
from typing import Any, Final

import pytest

from hw.spec.registers import RFLAGS_STATUS
from tests.differential import host
from tests.differential.guest import Guest

_END: Final = host.DATA + host.DATA_SIZE
_MIDDLE: Final = host.DATA + 0x1000
_DF: Final = 1 << 10
_COMPARED: Final = RFLAGS_STATUS | _DF
_SIZES: Final = {1: b"", 2: b"\x66", 4: b"", 8: b"\x48"}
_OPCODES: Final = {"movs": 0xA4, "cmps": 0xA6, "stos": 0xAA, "lods": 0xAC, "scas": 0xAE}
_REPEATS: Final = (0xF3, 0xF2)


def _code(name: str, size: int, repeat: int) -> bytes:
    opcode = _OPCODES[name] | (size > 1)
    prefix = _SIZES[size]
    if prefix == b"\x48":
        return bytes((repeat,)) + prefix + bytes((opcode,))
    return prefix + bytes((repeat, opcode))


def _starts(size: int) -> list[tuple[int, int, int]]:
    """rsi, rdi and flags: a few elements before the end of the data, or above its beginning."""
    starts = []
    for elements, odd in product((0, 1, 5), (0, 1) if size > 1 else (0,)):
        up = _END - elements * size - odd
        down = host.DATA + (elements - 1) * size + odd
        for place, flags in ((up, 0x202), (down, 0x202 | _DF)):
            starts += [(place, _MIDDLE, flags), (_MIDDLE, place, flags), (place, place, flags)]
    return starts


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("name", _OPCODES)
def test_a_fault_leaves_what_the_host_leaves(guest: Guest, name: str, size: int) -> None:
    data = bytes(host.DATA_SIZE)  # all equal: comparisons go on
    changing = bytes(k * 5 & 0xFF for k in range(host.DATA_SIZE))
    cases = [
        (repeat, start, content)
        for repeat, start in product(_REPEATS, _starts(size))
        for content in (data, changing)
    ]

    def registers(start: tuple[int, int, int]) -> list[int]:
        gpr = [0] * 16
        gpr[1], gpr[6], gpr[7] = 9, start[0], start[1]
        gpr[4] = _MIDDLE
        return gpr

    def on_host() -> list[dict[str, Any]]:
        machine = host.Host()
        ending = b"\xff\x25\0\0\0\0" + machine.back.to_bytes(8, "little")
        results = []
        for repeat, start, content in cases:
            code = _code(name, size, repeat) + ending
            ctypes.memmove(host.CODE, code, len(code))
            ctypes.memmove(host.DATA, content, len(content))
            result = machine.run(host.CODE, registers(start), start[2])
            result["data"] = ctypes.string_at(host.DATA, host.DATA_SIZE)
            results.append(result)
        return results

    faults = 0
    for (repeat, start, content), want in zip(cases, host.in_child(on_host), strict=True):
        guest.put_code(0, _code(name, size, repeat) + b"\x0f\x0b")
        guest.put_data(content)
        got = guest.run(host.CODE, registers(start), start[2])
        got["data"] = guest.data()
        names = ["signal", "gpr", "rflags", "data"]
        if want["signal"]:
            faults += 1
            names += ["trap", "error", "rip", "cr2"]
            assert got["count"] == 0
        else:
            assert got["count"] == 1
        for result in (want, got):
            result["rflags"] &= _COMPARED
        assert {n: got[n] for n in names} == {n: want[n] for n in names}, (repeat, start)
    assert faults > 20
