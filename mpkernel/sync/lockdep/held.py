"""What a CPU holds: its tasks', its own, and what an interrupt found held.

    _held      [lock a, lock b]       of whoever runs: a task, the scheduler's loop, a handler
    _sleeping  task -> [lock c]       of tasks asleep in the kernel: they wake here
    _interrupted                      of whom handlers have interrupted

A task inside the kernel stays on its CPU, so lists of this process are enough.

State: private. Locks: none. Context: any; the CPU itself.
"""

from typing import Final

from mpkernel.sync.lockdep import chains
from mpkernel.sync.lockdep.chains import Link

#: A lock held, or waited for: its address, the chain that it ends.
Held = tuple[int, Link]


class HeldLocks:
    """The locks of one CPU. ``_last`` is the chain of ``_held``, ``_root`` the empty one."""

    def __init__(self) -> None:
        self._roots: Final = {0: chains.root(0)}
        self._root = self._last = self._roots[0]
        self._idle: Final[list[Held]] = []
        self._held = self._idle
        self._sleeping: Final[dict[int, list[Held]]] = {}
        self._interrupted: Final[list[tuple[list[Held], Link]]] = []
        self._waits: Final[set[int]] = set()  #: of what is in the lists: not had yet

    def abandon(self) -> None:
        """Nothing is held any more, and no task sleeps: whoever did is gone. Chains stay known."""
        self._held = self._idle
        self._idle.clear()
        self._root = self._last = self._roots[0]
        self._sleeping.clear()
        self._interrupted.clear()
        self._waits.clear()

    def is_held(self, lock: int) -> bool:
        """Whether this task (or handler) holds the lock."""
        return self._place_of(lock) is not None

    def held_names(self) -> list[str]:
        """What is held here, the first taken first; in a handler, what the handler holds."""
        return [
            f"{link.name()}, not yet" if lock in self._waits else link.name()
            for lock, link in self._held
        ]

    def task_enter(self, task: int) -> None:
        """The CPU goes on with a task inside the kernel, with what it held when it slept."""
        held = self._sleeping.pop(task, None)
        self._held = [] if held is None else held
        self._last = self._held[-1][1] if self._held else self._root

    def _after(self, place: int) -> list[tuple[int, int]]:
        """What is held over the lock at a place: address and step of each."""
        return [(lock, link.which) for lock, link in self._held[place + 1 :]]

    def _place_of(self, lock: int) -> int | None:
        """Place of a lock in ``_held``, the last if it is there more than once."""
        held = self._held
        return next((n for n in reversed(range(len(held))) if held[n][0] == lock), None)

    def _find_anywhere(self, addr: int, size: int) -> Held | None:
        """A lock in a piece of memory that this CPU or a task asleep on it holds."""
        for stack in (self._held, *self._sleeping.values()):
            for held in stack:
                if addr <= held[0] < addr + size:
                    return held
        return None

    def _enter(self, context: int) -> None:
        """Begin of a handler, which holds nothing."""
        self._interrupted.append((self._held, self._root))
        if context not in self._roots:
            self._roots[context] = chains.root(context)
        self._held, self._root = [], self._roots[context]
        self._last = self._root

    def _resume(self) -> None:
        """End of a handler: what it interrupted goes on."""
        self._held, self._root = self._interrupted.pop()
        self._cut(len(self._held))

    def _cut(self, count: int) -> None:
        """Hold only the first ``count`` locks."""
        del self._held[count:]
        self._last = self._held[-1][1] if self._held else self._root
