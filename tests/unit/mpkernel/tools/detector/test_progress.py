"""What is taken for a lockup, a storm or a long section, look by look."""

from itertools import count

from mpkernel.arch import outside
from mpkernel.tools.detector import progress
from mpkernel.tools.detector.finding import (
    HARD_LOCKUP,
    IRQS_OFF,
    PREEMPT_OFF,
    SOFT_LOCKUP,
    STORM,
)
from mpkernel.tools.detector.limits import Limits
from mpkernel.tools.detector.progress import CpuProgress, Look
from tests.support.kernel import kernel

LIMITS = Limits(
    soft_lockup_cpu_s=2, hard_lockup_cpu_s=1, storm_cpu_s=1, storm_interrupts=100, section_cpu_s=0.5
)
IN_KERNEL = Look(
    cpu_ns=0, interrupts=0, progress=(1, 1, 1), is_away=False, in_interrupt=False,
    irqs_off=False, preempt_off=False, lock_gives=0,
)  # fmt: skip


def complaints(monkeypatch, looks) -> list[str]:
    """Kinds of complaints about looks 100 ms of CPU time apart; knocks are told as ``knock``."""
    said = []
    monkeypatch.setattr(outside, "knock", lambda _index: said.append("knock"))
    cpu = CpuProgress(0, LIMITS)
    for number, look in enumerate(looks):
        now = look._replace(cpu_ns=number * 100_000_000)
        monkeypatch.setattr(progress, "read", lambda _index, now=now: now)
        said += [complaint.kind for complaint in cpu.look()]
    return said


def test_no_safepoint_is_a_hard_lockup_told_once_and_again_when_twice_as_long(monkeypatch):
    said = complaints(monkeypatch, [IN_KERNEL] * 16)
    assert said.count(HARD_LOCKUP) == 1
    assert said[0] == "knock"
    assert SOFT_LOCKUP not in said
    assert complaints(monkeypatch, [IN_KERNEL] * 30).count(HARD_LOCKUP) == 2


def test_interrupts_but_no_turn_is_a_soft_lockup(monkeypatch):
    looks = [IN_KERNEL._replace(interrupts=n) for n in range(30)]
    assert complaints(monkeypatch, looks) == [SOFT_LOCKUP]


def test_a_cpu_that_halts_or_runs_a_program_is_well(monkeypatch):
    assert complaints(monkeypatch, [IN_KERNEL._replace(is_away=True)] * 60) == []


def test_a_cpu_that_changes_tasks_is_well(monkeypatch):
    looks = [IN_KERNEL._replace(progress=(1, n, 1), preempt_off=True) for n in range(60)]
    assert complaints(monkeypatch, looks) == []


def test_one_turn_of_the_scheduler_begins_anew(monkeypatch):
    looks = [IN_KERNEL._replace(interrupts=n, progress=(1, n // 15, 1)) for n in range(60)]
    assert complaints(monkeypatch, looks) == []


def test_nothing_but_interrupts_is_a_storm(monkeypatch):
    looks = [IN_KERNEL._replace(interrupts=50 * n, in_interrupt=True) for n in range(15)]
    assert complaints(monkeypatch, looks) == [STORM]
    seldom = [look._replace(in_interrupt=n % 2 == 0) for n, look in enumerate(looks)]
    assert complaints(monkeypatch, seldom) == []
    few = [IN_KERNEL._replace(interrupts=n, in_interrupt=True) for n in range(15)]
    assert complaints(monkeypatch, few) == []


def test_sections(monkeypatch):
    off = IN_KERNEL._replace(irqs_off=True)
    assert complaints(monkeypatch, [off] * 8).count(IRQS_OFF) == 1
    gives = count()
    assert IRQS_OFF not in complaints(
        monkeypatch, [off._replace(lock_gives=next(gives)) for _ in range(8)]
    )
    held = [IN_KERNEL._replace(preempt_off=True, interrupts=n, lock_gives=3 * n) for n in range(8)]
    assert complaints(monkeypatch, held) == [PREEMPT_OFF]
    many = [look._replace(lock_gives=100 * n) for n, look in enumerate(held)]
    assert complaints(monkeypatch, many) == []


def test_what_a_cpu_says_of_itself_is_read():
    with kernel(cpus=2) as k:
        k.use(1)
        k.cpus[1].area.irqs_off = 1
        k.cpus[1].area.interrupts += 5
        seen = progress.read(1)
        k.cpus[1].area.irqs_off = 0
        assert seen.irqs_off
        assert not seen.preempt_off
        assert seen.interrupts == k.cpus[1].area.interrupts
        assert seen.cpu_ns > 0
        assert not progress.read(1).irqs_off
