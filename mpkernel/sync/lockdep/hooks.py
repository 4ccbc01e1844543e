"""What locks, interrupts and the scheduler tell the validator. One ``Lockdep`` a CPU, or None: off.

    this = cpu()
    watch = this.lockdep
    if watch is not None:
        watch.acquire(self.phys, self.key, SPIN)     # before the wait
    ...
    if watch is not None:
        watch.release(self.phys)                     # before the word says free

Every lock is known by its physical address; its key is ``LockClass.id`` plus nested(subclass), its
mode one of mpkernel.sync.lockdep.modes. While the validator works, ``Cpu.lockdep`` is None: it may
itself take locks, and is not asked about them.

State: private: what is held here, and the chains that this CPU has seen; what all CPUs share stands
in watch memory. Locks: none. Context: any, from the first lock of boot on.
"""

from typing import Final

from mpkernel.arch.cpu import CpuArea
from mpkernel.panic import panic
from mpkernel.sync import ranks
from mpkernel.sync.lockdep.modes import TRY

#: What stands for a lock held: its address, the chain that it ends.
Held = tuple[int, "Link"]


class Link:
    """A chain of locks held, as its last link; ``before`` leads to the others."""

    __slots__ = ("after", "before", "key", "mode")

    def __init__(self, before: "Link | None", key: int, mode: int) -> None:
        self.before = before
        self.key = key
        self.mode = mode
        self.after: dict[int, Link] = {}  #: by key, mode and state of interrupts: one lock more


class Lockdep:
    """The validator of one CPU."""

    def __init__(self, area: CpuArea) -> None:
        self._area: Final = area
        self._idle: Final[list[Held]] = []
        self._held = self._idle
        self._last = self._root = Link(None, 0, 0)
        self._sleeping: Final[dict[int, list[Held]]] = {}
        self._interrupted: Final[list[tuple[list[Held], Link, Link]]] = []
        self._pins: Final[dict[int, int]] = {}

    # Locks

    def init(self, lock: int, key: int) -> None:
        """A lock is made free and of a class."""

    def acquire(self, lock: int, key: int, mode: int, nest_lock: int = 0) -> None:
        """A lock is about to be taken (a TRY: has been taken).

        ``nest_lock``: a lock that is held and makes the order among locks of this class irrelevant.
        """
        which = (key << 16 | mode << 1) | self._area.irqs_off
        link = self._last.after.get(which)
        if link is None:
            link = self._last.after[which] = self._new_link(lock, key, mode)
        self._held.append((lock, link))
        self._last = link

    def _new_link(self, lock: int, key: int, mode: int) -> Link:
        """A chain that this CPU has not seen."""
        before = [ranks.BY_ID[link.key & 0xFFFF] for addr, link in self._held if addr != lock]
        this = ranks.BY_ID[key & 0xFFFF]
        most = max((one.rank for one in before), default=0)
        if not mode & TRY and (most > this.rank or (most == this.rank and key < 1 << 16)):
            names = ", ".join(one.name for one in before)
            panic(f"lock order: {this.name} taken while holding {names}")
        return Link(self._last, key, mode)

    def contended(self, lock: int) -> None:
        """The lock last acquired has to be waited for."""

    def acquired(self, lock: int) -> None:
        """The wait is over. Called only after ``contended``."""

    def release(self, lock: int) -> None:
        """A lock is given back, or its wait is given up."""
        held = self._held
        if held and held[-1][0] == lock:
            link = held.pop()[1]
            assert link.before is not None
            self._last = link.before

    def downgrade(self, lock: int, mode: int) -> None:
        """A lock held exclusively is now held as ``mode`` says."""

    def is_held(self, lock: int) -> bool:
        """Whether this task (or handler) holds the lock."""
        return any(one == lock for one, _ in self._held)

    def pin(self, lock: int) -> None:
        """The lock may not be released until ``unpin``, whoever is called meanwhile."""
        self._pins[lock] = self._pins.get(lock, 0) + 1

    def unpin(self, lock: int) -> None:
        """End of ``pin``."""
        self._pins[lock] -= 1

    def freed(self, addr: int, size: int) -> None:
        """Memory is given back: no lock in it may be held."""

    # Events: locks that one task takes and another gives

    def wait_event(self, event: int, key: int) -> None:
        """The current task waits, or may wait, for an event that others bring about."""

    def bring_event(self, event: int, key: int) -> None:
        """What is waited for happens; the current context needed what it holds to get here."""

    # Contexts

    def irqs_on(self) -> None:
        """Interrupts are about to be enabled."""

    def irq_enter(self) -> None:
        """An interrupt's handler begins."""
        self._interrupted.append((self._held, self._last, self._root))
        self._held, self._last = [], self._root

    def irq_exit(self) -> None:
        """It ends; what it interrupted goes on."""
        self._held, self._last, self._root = self._interrupted.pop()

    def deferred_enter(self) -> None:
        """Deferred work begins."""
        self.irq_enter()

    def deferred_exit(self) -> None:
        """It ends."""
        self.irq_exit()

    def deferred_off(self) -> None:
        """Deferred work waits from here on. Nests."""

    def deferred_on(self) -> None:
        """End of a section begun by ``deferred_off``."""

    def task_enter(self, task: int) -> None:
        """The CPU goes on with a task inside the kernel, with what it held when it slept."""
        held = self._sleeping.pop(task, None)
        self._held = [] if held is None else held
        self._last = self._held[-1][1] if self._held else self._root

    def task_leave(self, task: int, end: str = "") -> None:
        """The task leaves the CPU to the scheduler: asleep, or (``end`` says where) done."""
        if self._held:
            self._sleeping[task] = self._held
        self._held, self._last = self._idle, self._root

    def might_sleep(self) -> None:
        """The caller may sleep here."""

    def nothing_held(self, where: str) -> None:
        """Here nothing may be held: on the way to user mode, in idle."""
