"""Seams: where a lower layer calls code that a higher one supplies.

A seam is owned by the layer that calls through it and filled by mpkernel.boot.wiring, which is
imported before the fork: so it holds the same code in every process, and nothing changes later.

State: private, equal in all processes, constant once the machine runs. Context: any.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class Seam(Generic[T]):
    """Named places for code, each filled once."""

    __slots__ = ("_entries", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[int, T] = {}

    def add(self, key: int, value: T) -> None:
        """Fill one place. Wiring only."""
        assert key not in self._entries, f"{self.name} {key} is filled twice"
        self._entries[key] = value

    def fill(self, value: T) -> None:
        """Fill the only place of a seam that has one. Wiring only."""
        self.add(0, value)

    def get(self) -> T:
        """The code of a seam that has one place."""
        return self._entries[0]

    def __getitem__(self, key: int) -> T:
        return self._entries[key]

    def __contains__(self, key: int) -> bool:
        return key in self._entries
