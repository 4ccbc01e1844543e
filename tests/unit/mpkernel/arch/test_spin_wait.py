"""Waiting for a spinning lock: no ring is lost, nobody is overtaken for ever."""

import pytest

from mpkernel.arch import interrupts, memory, spin_wait
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_code import WAITERS, SpinCell
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel


def cell_of(k: Kernel) -> SpinCell:
    cell = SpinCell.at(k.scratch(SpinCell.SIZE))
    cell.key = 1
    return cell


def give(cell: SpinCell) -> None:
    """What a release without the native path comes to."""
    if cell.word.cas(cpu().number, 0) != cpu().number:
        spin_wait.give_over(cell)


@pytest.mark.parametrize("turns", [0, 2, spin_wait.TURNS_BEFORE_SLEEP])
@pytest.mark.parametrize("irqs_off", [False, True])
def test_four_cores_exclude_each_other_and_none_sleeps_for_ever(monkeypatch, turns, irqs_off):
    monkeypatch.setattr(spin_wait, "TURNS_BEFORE_SLEEP", turns)
    rounds = 4_000
    with core_processes(4) as k:
        cell, total = cell_of(k), memory.words(k.scratch(8), 1)

        def work(_index: int) -> None:
            if irqs_off:
                interrupts.disable()
            for _ in range(rounds):
                if not spin_wait.try_take(cell, cpu()):
                    spin_wait.wait(cell)
                total[0] += 1
                give(cell)

        run_cpus(k, work)
        assert total[0] == 4 * rounds
        assert cell.word.value in (0, WAITERS)
        assert not cell.sleepers.value


def test_who_sleeps_is_overtaken_only_so_often():
    with kernel(cpus=4) as k:
        cell = cell_of(k)
        cell.sleepers.or_(1 << 1 | 1 << 3)
        cell.word.or_(WAITERS)
        order = []
        for _ in range(2):
            k.use(0)
            overtakes = 0
            while spin_wait.try_take(cell, cpu()):
                give(cell)
                overtakes += 1
            assert overtakes == spin_wait.OVERTAKES
            k.use(2)
            assert not spin_wait.try_take(cell, cpu())
            for index in (2, 3, 1):
                k.use(index)
                if spin_wait.try_take(cell, cpu()):
                    order.append(index)
                    cell.word.store(WAITERS)
                    break
        assert order == [1, 3], "in turn, and nobody who came later"


def test_one_sleeper_is_rung_until_it_has_had_its_try():
    with kernel(cpus=3) as k:
        cell = cell_of(k)
        cell.sleepers.or_(1 << 1 | 1 << 2)
        cell.word.or_(WAITERS)
        for _ in range(3):
            assert spin_wait.try_take(cell, cpu())
            give(cell)
            assert cell.rung.value == 2, "CPU 1, which has not looked yet"


def test_the_wait_is_counted_for_the_class():
    with core_processes(2) as k:
        cell = cell_of(k)

        def work(_index: int) -> None:
            for _ in range(200):
                if not spin_wait.try_take(cell, cpu()):
                    spin_wait.wait(cell)
                give(cell)

        assert spin_wait.try_take(cell, cpu())
        cell.word.store(2)  # as if CPU 1 had it, which is about to give it back
        run_cpus(k, lambda index: give(cell) if index else spin_wait.wait(cell))
        stats = k.cpus[0].area.locks[1]
        assert stats.contended == 1
        assert stats.longest_wait_tsc == stats.waited_tsc > 0
        cell.word.store(0)
        run_cpus(k, work)


def test_a_ring_that_the_sleeper_forgot_does_not_keep_the_next_from_it(monkeypatch):
    with kernel(cpus=3) as k:
        cell = cell_of(k)
        waiter, owner, third = k.cpus
        k.use(owner.index)
        assert spin_wait.try_take(cell, owner)
        cell.word.or_(WAITERS)
        forget = spin_wait.halt.forget_rings
        naps = []

        def forget_after_a_ring() -> None:
            """The owner rings, another takes the lock, and only then are rings forgotten."""
            k.use(owner.index)
            give(cell)
            k.use(third.index)
            assert spin_wait.try_take(cell, third)
            k.use(waiter.index)
            forget()

        monkeypatch.setattr(spin_wait.halt, "forget_rings", forget_after_a_ring)
        monkeypatch.setattr(spin_wait.halt, "nap", lambda: naps.append(waiter.index))
        k.use(waiter.index)
        spin_wait._sleep(cell, waiter)
        assert naps == [waiter.index], "the third one has the lock"
        rung = []
        monkeypatch.setattr(spin_wait.halt, "ring", rung.append)
        k.use(third.index)
        give(cell)
        assert rung == [waiter.index]
