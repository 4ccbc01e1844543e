"""The watcher: looks at a running machine many times a second and says what is wrong with it.

It runs in the launcher, stands on no lock and no core, and reads what who waits writes down. A
circle of waits that is the same in two readings is a deadlock: nobody in it can ever go on. Then
the machine stops with status 72, or a task of the circle is ended, if one is to be had. All else is
said, and the machine goes on.

State: private to the launcher. Context: the launcher.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from mpkernel.arch import outside, topology, waits_for
from mpkernel.sched import waits_graph
from mpkernel.sched.waits_graph import Graph, Waiting
from mpkernel.tools.detector.finding import DEADLOCK, STUCK_SPIN, Finding
from mpkernel.tools.detector.limits import DEFAULT, Limits
from mpkernel.tools.detector.progress import Complaint, CpuProgress
from mpkernel.tools.detector.sleepers import SleeperComplaint, Sleepers

STATUS_DEADLOCK: Final = 72


def say(finding: Finding) -> None:
    """Tell people."""
    outside.report(finding.text())


class Watcher:
    """One machine's. ``on_finding`` gets each finding once."""

    def __init__(
        self,
        *,
        kills: bool = False,
        limits: Limits = DEFAULT,
        on_finding: Callable[[Finding], None] = say,
    ) -> None:
        self.interval_ns: Final = int(limits.look_s * 1e9)
        self._kills = kills
        self._limits = limits
        self._on_finding = on_finding
        self._cpus: list[CpuProgress] = []
        self._sleepers = Sleepers(limits)
        self._next_progress = 0.0
        self._stuck_told: set[tuple[int, int]] = set()

    def look(self) -> int | None:
        """Look once; return the status with which the machine must stop, None if it goes on."""
        graph = waits_graph.read()
        for circle in waits_graph.circles(graph):
            seen = time.monotonic()
            time.sleep(self._limits.confirm_s)
            if waits_graph.is_same(circle, waits_graph.read()):
                self._on_finding(_deadlock(circle, seen))
                if not (self._kills and _kill_one(circle)):
                    return STATUS_DEADLOCK
        self._stuck_spins(graph)
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + self._limits.progress_s
            self._progress()
        return None

    def longest_sections_ns(self) -> list[dict[str, int]]:
        """By CPU and kind: the longest section seen with interrupts or preemption off."""
        return [
            {kind: section.longest_ns for kind, section in cpu.sections.items()}
            for cpu in self._cpus
        ]

    def _progress(self) -> None:
        online = range(topology.cpu_count())
        if not self._cpus:
            self._cpus = [CpuProgress(index, self._limits) for index in online]
        for cpu in self._cpus:
            for complaint in cpu.look():
                self._on_finding(_of_cpu(complaint))
        for one in self._sleepers.look():
            self._on_finding(_of_sleeper(one))

    def _stuck_spins(self, graph: Graph) -> None:
        """Waits of CPUs that have no circle, and do not end all the same."""
        for one in graph.values():
            key = (one.who.number, one.sequence)
            if (
                not one.who.is_task
                and one.waits_ns > self._limits.spin_s * 1e9
                and key not in self._stuck_told
            ):
                self._stuck_told.add(key)
                cpus = [one.who.number, *(owner.number for owner in one.owners)]
                self._on_finding(Finding(STUCK_SPIN, one.text(), (), _stacks(cpus)))


def _deadlock(circle: Sequence[Waiting], seen: float) -> Finding:
    """Describe a circle that was first seen at ``seen``."""
    stacks = _stacks(range(topology.cpu_count()))
    for one in circle:
        if one.slot != waits_for.NOT_SEEN:
            sequence = one.sequence & 0xFFFF_FFFF
            stacks[str(one.who)] = outside.stack_of_sleeper(one.home, one.slot, sequence)
    members = " and ".join(str(one.who) for one in circle)
    closed_s = min(one.waits_ns for one in circle) / 1e9 + time.monotonic() - seen
    what = f"{members}, for {closed_s:.3f} s"
    return Finding(DEADLOCK, what, tuple(one.text() for one in circle), stacks)


def _kill_one(circle: Sequence[Waiting]) -> bool:
    """End the task of the circle that waits for the shortest time, if a signal can end its wait."""
    victims = sorted((one for one in circle if one.is_killable), key=lambda one: one.waits_ns)
    for one in victims:
        sequence = one.sequence & 0xFFFF_FFFF
        name = str(one.who)
        if outside.ask(one.home, outside.ASK_KILL, one.slot, sequence):
            outside.report(f"mpkernel: {name} is ended, the machine goes on")
            return True
    return False


def _of_cpu(complaint: Complaint) -> Finding:
    index = complaint.cpu
    return Finding(complaint.kind, f"CPU {index} {complaint.what}", (), _stacks([index]))


def _of_sleeper(one: SleeperComplaint) -> Finding:
    stack = outside.stack_of_sleeper(*one.key)
    return Finding(one.kind, one.what, (), {str(one.task): stack})


def _stacks(cpus: Sequence[int]) -> dict[str, list[str]]:
    return {f"CPU {index}": stack for index, stack in outside.stacks_of_cores(cpus).items()}
