"""What locks, interrupts and the scheduler tell the validator. One ``Lockdep`` a CPU, or None: off.

    this = cpu()
    watch = this.lockdep
    if watch is not None:
        watch.acquire(self.phys, self.key, SPIN)     # before the wait
    ...
    if watch is not None:
        watch.release(self.phys)                     # before the word says free

Every lock is known by its physical address; its key is ``LockClass.id`` plus nested(subclass), its
mode one of mpkernel.sync.lockdep.modes. While the validator makes a check, ``Cpu.lockdep`` is None:
it may itself take locks, and is not asked about them.

State: private: what is held here, and the chains that this CPU has seen; what all CPUs share stands
in the ledger. Locks: none. Context: any, from the first lock of boot on.
"""

from collections.abc import Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

from mpkernel.arch.cpu import Cpu, cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import chains, checks, graph, records, report, stacks, usage
from mpkernel.sync.lockdep.chains import DEFERRED_OFF, UNDER, Link
from mpkernel.sync.lockdep.held import HeldLocks
from mpkernel.sync.lockdep.modes import COMPLETION, TRY, WAIT_RAW, WAIT_SPIN, kind_of
from mpkernel.sync.lockdep.report import Report
from mpkernel.trace import log

P = ParamSpec("P")
R = TypeVar("R")


def _unwatched(
    method: "Callable[Concatenate[Lockdep, P], R]",
) -> "Callable[Concatenate[Lockdep, P], R]":
    """Run the method with the validator off: what it does is not watched."""

    def run(self: "Lockdep", /, *arguments: P.args, **named: P.kwargs) -> R:
        this = cpu()
        before, this.lockdep = this.lockdep, None
        try:
            return method(self, *arguments, **named)
        finally:
            this.lockdep = before

    return run


class Lockdep(HeldLocks):
    """The validator of one CPU.

    ``spinners_hold_off_deferred``: whether a CPU that holds a spinning lock puts deferred work off,
    as this kernel does and Linux does not. ``speaks``: whether reports go to the log, too.
    """

    def __init__(
        self, this: Cpu, *, spinners_hold_off_deferred: bool = True, speaks: bool = True
    ) -> None:
        super().__init__()
        self.cpu: Final = this.index
        self._area: Final = this.area
        self._speaks: Final = speaks
        self._spinners_hold_off: Final = spinners_hold_off_deferred
        self._deferred_off = 0
        self._pins: Final[dict[int, int]] = {}
        self._events: Final[set[tuple[Link, int, bool]]] = set()

    def abandon(self) -> None:
        """Nothing is held any more, and no task sleeps: whoever did is gone. Chains stay known."""
        super().abandon()
        self._pins.clear()
        self._deferred_off = 0

    # Locks

    def init(self, lock: int, _key: int) -> None:
        """A lock is made free and of a class."""
        if self._held or self._sleeping:
            held = self._find_anywhere(lock, 1)
            if held is not None:
                self._tell(report.INIT_HELD, f"{held[1].name()} is initialized", held[1].key)

    def acquire(self, lock: int, key: int, mode: int, nest_lock: int = 0) -> None:
        """A lock is about to be taken (a TRY: has been taken).

        ``nest_lock``: a lock that is held and makes the order among locks of this class irrelevant.
        """
        last = self._last
        # chains.which_of, unfolded: this is the hot path, one look-up
        which = key << 16 | mode << 3 | self._area.irqs_off | self._deferred_off
        if nest_lock:
            which |= self._under(nest_lock, key)
        link = last.after.get(which)
        if link is None:
            link = self._new_link(which)
        self._held.append((lock, link))
        self._last = link

    def contended(self, lock: int) -> None:
        """The lock has to be waited for."""
        self._waits.add(lock)

    def acquired(self, lock: int) -> None:
        """The wait is over. Called only after ``contended``."""
        self._waits.discard(lock)

    def release(self, lock: int) -> None:
        """A lock is given back, or its wait is given up."""
        held = self._held
        if not held or held[-1][0] != lock or self._pins:
            self._release_slowly(lock)
            return
        if self._waits:
            self._waits.discard(lock)
        self._last = held.pop()[1].before  # type: ignore[assignment]  # a link always has one

    def downgrade(self, lock: int, mode: int) -> None:
        """A lock held exclusively is now held as ``mode`` says."""
        place = self._place_of(lock)
        if place is None:
            self._tell(report.NOT_HELD, "a lock is downgraded that is not held", lock)
            return
        key = self._held[place][1].key
        self._rebuild(
            place,
            [(lock, chains.which_of(key, mode | TRY, self._area.irqs_off)), *self._after(place)],
        )

    def pin(self, lock: int) -> None:
        """The lock may not be released until ``unpin``, whoever is called meanwhile."""
        self._pins[lock] = self._pins.get(lock, 0) + 1

    def unpin(self, lock: int) -> None:
        """End of ``pin``."""
        count = self._pins.pop(lock, 0) - 1
        if count < 0:
            self._tell(report.NOT_PINNED, "a lock is unpinned that is not pinned", lock)
        if count > 0:
            self._pins[lock] = count

    def freed(self, addr: int, size: int) -> None:
        """Memory is given back: no lock in it may be held."""
        if self._held or self._sleeping:
            held = self._find_anywhere(addr, size)
            if held is not None:
                self._tell(report.FREE_HELD, f"{held[1].name()} is in memory freed", held[1].key)

    def misused(self, lock: int, what: str) -> None:
        """A lock is used against the rules of its type."""
        self._tell(report.MISUSE, what, lock, what)

    # Events: locks that one task takes and another gives

    def wait_event(self, key: int) -> None:
        """The current task waits, or may have to wait, for an event that others bring about."""
        step = (self._last, key, True)
        if self._last is not self._root and step not in self._events:
            self._events.add(step)
            self._link_event(key, is_waiting=True)

    def bring_event(self, key: int) -> None:
        """The event happens; getting here needed every lock that is held."""
        step = (self._last, key, False)
        if self._last is not self._root and step not in self._events:
            self._events.add(step)
            self._link_event(key, is_waiting=False)

    # Contexts

    def irqs_on(self) -> None:
        """Interrupts are about to be enabled."""
        if self._last.marked == chains.ALL_MARKED:
            return
        if not self._last.marked & 1 << usage.HARD:
            self._mark_enabled(usage.HARD)
        if not self._deferred_off and not self._last.marked & 1 << usage.DEFERRED:
            self._mark_enabled(usage.DEFERRED)

    def irq_enter(self, *, raw: bool = False) -> None:
        """An interrupt's handler begins. ``raw``: one that may take raw spinlocks only."""
        self._enter(self._root.context | chains.IN_HARD | (chains.IN_RAW if raw else 0))

    def irq_exit(self) -> None:
        """It ends; what it interrupted goes on."""
        self._exit("at the end of an interrupt's handler")

    def deferred_enter(self) -> None:
        """Deferred work begins."""
        self._enter(self._root.context | chains.IN_DEFERRED)

    def deferred_exit(self) -> None:
        """It ends."""
        self._exit("at the end of deferred work")

    def deferred_off(self) -> None:
        """Deferred work waits from here on."""
        self._deferred_off = DEFERRED_OFF

    def deferred_on(self) -> None:
        """It may come again."""
        self._deferred_off = 0
        if not self._area.irqs_off and not self._last.marked & 1 << usage.DEFERRED:
            self._mark_enabled(usage.DEFERRED)

    def task_leave(self, task: int, end: str = "") -> None:
        """The task leaves the CPU to the scheduler: asleep, or (``end`` says where) done."""
        if not end:
            self.might_sleep()
        if self._held:
            if end:
                self.nothing_held(end)
            else:
                self._sleeping[task] = self._held
        self._held, self._last = self._idle, self._root

    def might_sleep(self) -> None:
        """The caller may sleep here."""
        area = self._area
        if not (area.preempt_count or area.irqs_off or area.irq_depth):
            return
        why = (
            "in an interrupt's handler" if area.irq_depth
            else "with interrupts off" if area.irqs_off
            else "with preemption off"
        )  # fmt: skip
        self._tell(report.SLEEP, f"the caller may sleep, {why}", stacks.capture())

    def nothing_held(self, where: str) -> None:
        """Here nothing may be held: on the way to user mode, in idle."""
        for _, link in self._held:
            self._tell(report.LEFT_HELD, f"{link.name()} is held {where}", link.key, where)
        self._held.clear()
        self._last = self._root

    # Reports

    def tell(self, finding: Report, about: Sequence[object]) -> None:
        """Report what was found, unless it was reported before. The validator is off meanwhile."""
        if not report.is_new(finding.kind, about):
            return
        finding.cpu, finding.task = self.cpu, self._area.current
        finding.held = self.held_names()
        finding.stack = stacks.lines(stacks.capture())
        self.deliver(finding)

    def deliver(self, finding: Report) -> None:
        """Put a report where people look."""
        report.keep(finding)
        if self._speaks:
            log.error_at_once(finding.text().rstrip())

    @_unwatched
    def _tell(self, kind: str, what: str, *about: object) -> None:
        self.tell(Report(kind, what), about)

    # Inside

    @_unwatched
    def _new_link(self, which: int) -> Link:
        """One lock more over ``_last``: check the chain, unless another CPU has."""
        last = self._last
        link = Link(last, which, self._root.context, last.inner, None)
        kind = kind_of(link.mode)
        if self._holds_off(link):
            link.which |= DEFERRED_OFF
        link.inner = min(last.inner, kind.inner or last.inner)
        link.node = graph.class_of(link.key, link.mode)
        if records.NOTES.is_full:
            self.tell(Report(report.FULL, "nothing new is checked any more"), ())
        elif not chains.is_known(link):
            checks.check_link(link, self)
            chains.is_checked(link)
        last.after[which] = link
        return link

    @_unwatched
    def _under(self, nest_lock: int, key: int) -> int:
        """UNDER, if the nest lock is held, and was before any other of the class."""
        place = self._place_of(nest_lock)
        if place is None:
            name = graph.name_of_key(key)
            self.tell(Report(report.NEST, f"{name} is nested under a lock not held"), (key,))
            return 0
        return 0 if any(link.key == key for _, link in self._held[:place]) else UNDER

    @_unwatched
    def _mark_enabled(self, context: int) -> None:
        if self._last.before is not None:
            for link in self._last.chain():
                if context == usage.HARD or not self._holds_off(link):
                    checks.mark_enabled(link, context, self)
        self._last.marked |= 1 << context

    @_unwatched
    def _link_event(self, key: int, *, is_waiting: bool) -> None:
        """Add the edges between an event and all that is held."""
        event = graph.class_of(key, COMPLETION)
        for link in self._last.chain():
            if event is None or link.node is None or not link.kind.is_checked:
                continue
            if is_waiting:
                checks.add_dependency(link.node, link.mode, event, COMPLETION, self)
            elif not link.mode & TRY:
                checks.add_dependency(event, COMPLETION, link.node, link.mode, self)

    def _holds_off(self, link: Link) -> bool:
        """Whether deferred work waits while the lock is held."""
        return self._spinners_hold_off and link.kind.inner in (WAIT_RAW, WAIT_SPIN)

    def _release_slowly(self, lock: int) -> None:
        """Release what is not the lock taken last, or may be pinned."""
        place = self._place_of(lock)
        if place is None:
            self._tell(
                report.NOT_HELD, f"the lock at {lock:#x} is not held here", lock, stacks.capture()
            )
            return
        link = self._held[place][1]
        if self._pins.pop(lock, 0):
            self._tell(report.PINNED, f"{link.name()} is pinned", link.key)
        after = self._after(place)
        if after and ranks.by_id(link.key & ranks.CLASS_MASK).is_nested:
            self._tell(report.ORDER, f"{link.name()} is not the lock taken last", link.key)
        self._rebuild(place, after)

    def _rebuild(self, place: int, after: Sequence[tuple[int, int]]) -> None:
        """Hold ``after`` over the first ``place`` locks."""
        self._cut(place)
        for lock, which in after:
            link = self._last.after.get(which) or self._new_link(which)
            self._held.append((lock, link))
            self._last = link

    def _exit(self, where: str) -> None:
        if self._held:
            self.nothing_held(where)
        self._resume()
