"""Registers of a device in a row: solves partial and spanning access once for all.

An access that hits a register exactly calls its function. A smaller one reads the register and
takes its bytes, or writes it with the other bytes as they read. A larger one is cut at register
borders, lowest first. Between registers there is nothing: reads give 0, writes go nowhere.

State: none (the functions have it). Context: whoever makes the access, under the device's lock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")


@dataclass(frozen=True)
class Register(Generic[C]):
    """One register; without ``read`` it reads as 0, without ``write`` it is read-only."""

    offset: int
    size: int  #: bytes
    read: Callable[[C], int] | None = None
    write: Callable[[C, int], None] | None = None


class RegisterMap(Generic[C]):
    """Registers by offset; ``C`` is what their functions are handed (the device's state)."""

    __slots__ = ("_exact", "_registers")

    def __init__(self, registers: Sequence[Register[C]]) -> None:
        self._registers = tuple(sorted(registers, key=lambda register: register.offset))
        self._exact = {register.offset: register for register in self._registers}
        for low, high in zip(self._registers, self._registers[1:], strict=False):
            assert low.offset + low.size <= high.offset, f"registers overlap at {high.offset:#x}"

    def read(self, context: C, offset: int, size: int) -> int:
        """Read ``size`` bytes, little-endian."""
        exact = self._exact.get(offset)
        if exact is not None and exact.size == size:
            return exact.read(context) if exact.read else 0
        value = 0
        for register in self._overlapping(offset, size):
            if register.read:
                whole = register.read(context)
                shift = 8 * (register.offset - offset)
                value |= whole << shift if shift >= 0 else whole >> -shift
        return value & ((1 << 8 * size) - 1)

    def write(self, context: C, offset: int, size: int, value: int) -> None:
        """Write ``size`` bytes, little-endian."""
        exact = self._exact.get(offset)
        if exact is not None and exact.size == size:
            if exact.write:
                exact.write(context, value)
            return
        for register in self._overlapping(offset, size):
            if not register.write:
                continue
            shift = 8 * (register.offset - offset)
            full = (1 << 8 * register.size) - 1
            bytes_mask = (1 << 8 * size) - 1
            mine = value >> shift if shift >= 0 else value << -shift
            mask = (bytes_mask >> shift if shift >= 0 else bytes_mask << -shift) & full
            rest = 0
            if mask != full and register.read:
                rest = register.read(context) & ~mask
            register.write(context, rest | (mine & mask))

    def _overlapping(self, offset: int, size: int) -> list[Register[C]]:
        return [
            register
            for register in self._registers
            if register.offset < offset + size and offset < register.offset + register.size
        ]
