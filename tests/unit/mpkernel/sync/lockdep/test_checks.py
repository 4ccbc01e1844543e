"""Rules that Linux's own scenarios do not show (test_scenarios runs those)."""

import itertools

import pytest

from mpkernel.arch import interrupts, ipi
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.lockdep.modes import RECURSIVE, RWLOCK, SPIN, TRY
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel(cpus=2) as one:
        yield one


def take(watch: Lockdep, *locks: tuple[str, int]) -> None:
    """Take locks, each over the one before, and give them back."""
    keys = [ranks.unranked(name).id for name, _ in locks]
    for key, (_, mode) in zip(keys, locks, strict=True):
        watch.acquire(key << 8, key, mode)
    for key in reversed(keys):
        watch.release(key << 8)


def watch_of(k: Kernel, index: int) -> Lockdep:
    k.use(index)
    watch = cpu().lockdep
    assert watch is not None
    return watch


@pytest.mark.feature("E6")
def test_an_order_seen_on_one_core_and_its_inverse_on_another_meet(k: Kernel):
    take(watch_of(k, 0), ("a", SPIN), ("b", SPIN))
    with lockdep.expected() as found:
        take(watch_of(k, 1), ("b", SPIN), ("a", SPIN))
    assert found.kinds == [report.CIRCULAR]
    steps = found.reports[0].steps
    assert [(step.source, step.target, step.cpu) for step in steps] == [
        ("b", "a", 1),
        ("a", "b", 0),
    ]
    assert all(step.stack for step in steps)


def test_a_circle_is_found_through_a_recursive_reader_between(k: Kernel):
    """The edges a -> r and r -> b alone are no strong path."""
    watch = watch_of(k, 0)
    take(watch, ("a", SPIN), ("r", RWLOCK | RECURSIVE), ("b", SPIN))
    with lockdep.expected() as found:
        take(watch, ("b", SPIN), ("a", SPIN))
    assert found.kinds == [report.CIRCULAR]


def test_a_try_waits_for_nothing_but_is_waited_for(k: Kernel):
    watch = watch_of(k, 0)
    take(watch, ("a", SPIN), ("b", SPIN))
    take(watch, ("b", SPIN), ("a", SPIN | TRY))
    with lockdep.expected() as found:
        take(watch, ("b", SPIN | TRY), ("a", SPIN))
    assert found.kinds == [report.CIRCULAR]


def test_a_circle_of_ten(k: Kernel):
    watch = watch_of(k, 0)
    names = [f"lock {number}" for number in range(10)]
    for one, two in itertools.pairwise(names):
        take(watch, (one, SPIN), (two, SPIN))
    with lockdep.expected() as found:
        take(watch, (names[-1], SPIN), (names[0], SPIN))
    assert len(found.reports[0].steps) == 10


def test_it_goes_on_after_a_report(k: Kernel):
    watch = watch_of(k, 0)
    take(watch, ("a", SPIN), ("b", SPIN))
    take(watch, ("c", SPIN), ("d", SPIN))
    with lockdep.expected() as found:
        take(watch, ("b", SPIN), ("a", SPIN))
        take(watch, ("b", SPIN), ("a", SPIN))
        take(watch, ("d", SPIN), ("c", SPIN))
    assert found.kinds == [report.CIRCULAR, report.CIRCULAR]


@pytest.mark.feature("FIX-1")
def test_a_lock_taken_in_a_real_interrupt_may_not_be_held_with_interrupts_on(k: Kernel):
    watch = watch_of(k, 0)

    def handle(_vector: int) -> None:
        take(watch, ("a", SPIN))
        apic = cpu().apic
        assert apic is not None
        apic.eoi()

    cpu().interrupt_handler = handle
    ipi.send_reschedule(0)
    interrupts.safepoint()
    with lockdep.expected() as found:
        take(watch, ("a", SPIN))
    assert found.kinds == [report.INCONSISTENT]
    assert any("interrupts come" in step for step in found.reports[0].scene[0])


def test_cores_that_close_a_circle_at_the_same_moment_see_it():
    """Each takes one lock over the next of a ring; whoever links last sees all."""
    cores, rounds = 3, 40
    with core_processes(cores) as k:
        rings = [[ranks.unranked(f"{turn} {n}").id for n in range(cores)] for turn in range(rounds)]
        arrived = AtomicU64.at(k.scratch(8))

        def close_rings(index: int) -> None:
            watch = cpu().lockdep
            assert watch is not None
            for turn, ring in enumerate(rings, 1):
                arrived.add(1)
                waits = 0
                while arrived.value < turn * cores:
                    relax(waits)
                    waits += 1
                for key in (ring[index], ring[(index + 1) % cores]):
                    watch.acquire(key, key, SPIN)
                for key in (ring[(index + 1) % cores], ring[index]):
                    watch.release(key)

        with lockdep.expected() as found:
            run_cpus(k, close_rings)
        assert set(found.kinds) == {report.CIRCULAR}
        reported = sorted(min(one.locks) for one in found.reports)
        assert reported == sorted(f"{turn} 0" for turn in range(rounds))
