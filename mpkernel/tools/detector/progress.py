"""Whether each CPU gets on: lockups, storms, and the longest sections without interrupts.

Looked at from outside a few times a second. A CPU gets on if it executes user instructions, changes
tasks, halts or runs a program; how long it does not is CPU time of its process, so that a host that
runs somebody else is not taken for a fault. A section with interrupts or preemption off counts as
one as long as it is so at every look, and no more locks are given back than handlers do.

State: private to the launcher. Context: the launcher.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from mpkernel.arch import outside
from mpkernel.arch.cpu import AREAS, LOCK_CLASSES, CpuArea
from mpkernel.sched.task import Task
from mpkernel.sched.waits_graph import is_in_ram
from mpkernel.tools.detector.finding import (
    HARD_LOCKUP,
    IRQS_OFF,
    PREEMPT_OFF,
    SOFT_LOCKUP,
    STORM,
)
from mpkernel.tools.detector.limits import Limits

#: Share of looks inside a handler that makes many interrupts a storm. Few looks must be enough: a
#: busy host lets the launcher look seldom.
_STORM_SHARE: Final = 0.5
#: Part of the limit after which a CPU that took no interrupt is sent one.
_KNOCK_SHARE: Final = 0.3
#: Locks that a handler gives back, at most.
_GIVES_AN_INTERRUPT: Final = 8


class Look(NamedTuple):
    """What a CPU was seen to do."""

    cpu_ns: int
    interrupts: int
    progress: tuple[int, int, int]  #: task, its switches, user instructions
    is_away: bool  #: halted, or in user mode
    in_interrupt: bool
    irqs_off: bool
    preempt_off: bool
    lock_gives: int  #: spinlocks given back, if interrupts or preemption are off


class Complaint(NamedTuple):
    """What a CPU does not do."""

    kind: str
    cpu: int
    what: str


class Section:
    """A stretch of CPU time in which something stayed as it was."""

    def __init__(self) -> None:
        self._began: Look | None = None
        self._told_ns = 0
        self.longest_ns = 0

    def see(self, look: Look, *, goes_on: Callable[[Look, Look], bool] | None) -> int:
        """Return how long it is so by now; None: it is not. ``goes_on(first, now)`` compares."""
        first = self._began
        if goes_on is None or first is None or not goes_on(first, look):
            self._began = look if goes_on is not None else None
            return 0
        lasts = look.cpu_ns - first.cpu_ns
        self.longest_ns = max(self.longest_ns, lasts)
        return lasts

    def is_news(self, lasts_ns: int, limit_s: float) -> bool:
        """Whether it is too long, and twice as long as what was told already."""
        if lasts_ns <= max(limit_s * 1e9, 2 * self._told_ns):
            return False
        self._told_ns = lasts_ns
        return True


def _no_progress(first: Look, now: Look) -> bool:
    return first.progress == now.progress


def _no_safepoint(first: Look, now: Look) -> bool:
    return (first.progress, first.interrupts) == (now.progress, now.interrupts)


def _no_interrupt(first: Look, now: Look) -> bool:
    return _no_safepoint(first, now) and first.lock_gives == now.lock_gives


def _no_switch(first: Look, now: Look) -> bool:
    gives, interrupts = now.lock_gives - first.lock_gives, now.interrupts - first.interrupts
    return _no_progress(first, now) and gives <= interrupts * _GIVES_AN_INTERRUPT


class CpuProgress:
    """One CPU, look after look."""

    def __init__(self, index: int, limits: Limits) -> None:
        self._index = index
        self._limits = limits
        self._stuck = Section()
        self._deaf = Section()
        self.sections = {IRQS_OFF: Section(), PREEMPT_OFF: Section()}
        self._storm_began: Look | None = None
        self._storm_looks = [0, 0]
        self._storm_told = False

    def look(self) -> Iterator[Complaint]:
        """See what the CPU does; complain about what it does not."""
        seen = read(self._index)
        yield from self._lockups(seen)
        yield from self._sections(seen)
        yield from self._storms(seen)

    def _lockups(self, seen: Look) -> Iterator[Complaint]:
        limits = self._limits
        stuck = self._stuck.see(seen, goes_on=None if seen.is_away else _no_progress)
        deaf = self._deaf.see(seen, goes_on=None if seen.is_away else _no_safepoint)
        if deaf > limits.hard_lockup_cpu_s * _KNOCK_SHARE * 1e9:
            outside.knock(self._index)
        if self._deaf.is_news(deaf, limits.hard_lockup_cpu_s):
            text = f"passes no safepoint, for {deaf / 1e9:.1f} s of CPU time"
            yield Complaint(HARD_LOCKUP, self._index, text)
        elif deaf < limits.hard_lockup_cpu_s * 1e9 and self._stuck.is_news(
            stuck, limits.soft_lockup_cpu_s
        ):
            text = f"does not leave the kernel, for {stuck / 1e9:.1f} s of CPU time"
            yield Complaint(SOFT_LOCKUP, self._index, text)

    def _sections(self, seen: Look) -> Iterator[Complaint]:
        is_off = {
            IRQS_OFF: seen.irqs_off and not seen.in_interrupt,
            PREEMPT_OFF: seen.preempt_off and not seen.in_interrupt,
        }
        rules = {IRQS_OFF: _no_interrupt, PREEMPT_OFF: _no_switch}
        for kind, section in self.sections.items():
            rule = rules[kind] if is_off[kind] and not seen.is_away else None
            lasts = section.see(seen, goes_on=rule)
            if section.is_news(lasts, self._limits.section_cpu_s):
                yield Complaint(kind, self._index, f"for {lasts / 1e9:.2f} s of CPU time")

    def _storms(self, seen: Look) -> Iterator[Complaint]:
        first = self._storm_began
        if first is None or seen.is_away or first.progress != seen.progress:
            self._storm_began = seen
            self._storm_looks = [0, 0]
            self._storm_told = False
            return
        self._storm_looks[0] += 1
        self._storm_looks[1] += seen.in_interrupt
        looks, inside = self._storm_looks
        lasts, count = seen.cpu_ns - first.cpu_ns, seen.interrupts - first.interrupts
        if (
            lasts > self._limits.storm_cpu_s * 1e9
            and count >= self._limits.storm_interrupts
            and inside > looks * _STORM_SHARE
            and not self._storm_told
        ):
            self._storm_told = True
            text = (
                f"took {count} interrupts in {lasts / 1e9:.1f} s of CPU time, and did nothing else"
            )
            yield Complaint(STORM, self._index, text)


def read(index: int) -> Look:
    """What a CPU does now."""
    area = AREAS[index]
    task: int = area.current
    switches = Task.at(task).switches if is_in_ram(task, Task.SIZE) else 0
    is_off = bool(area.irqs_off or area.preempt_count)
    return Look(
        cpu_ns=outside.cpu_time_ns(index),
        interrupts=area.interrupts,
        progress=(task, switches, outside.instructions(index)),
        is_away=outside.is_halted(index) or outside.is_in_user_mode(index),
        in_interrupt=area.irq_depth > 0,
        irqs_off=bool(area.irqs_off),
        preempt_off=area.preempt_count > 0,
        lock_gives=_lock_gives(area) if is_off else 0,
    )


def _lock_gives(area: CpuArea) -> int:
    return sum(area.locks[number].taken for number in range(LOCK_CLASSES))
