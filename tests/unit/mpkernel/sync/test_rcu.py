"""RCU: nothing is freed while a reader may look at it, and everything is freed in the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hw.irq.party import MODE_KERNEL, MODE_USER, PARTIES
from mpkernel.arch import halt, memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sched import idle
from mpkernel.sync import rcu
from mpkernel.sync.rcu import CPUS, FUNCTIONS, PERIODS, RcuHead
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel

FREE = 0
#: What stands in an object that was freed.
POISON = 0xDEAD


@contextmanager
def callback(function: object) -> Iterator[None]:
    """Have FUNCTIONS[FREE] be this one."""
    before = dict(FUNCTIONS._entries)
    FUNCTIONS._entries[FREE] = function  # type: ignore[assignment]
    try:
        yield
    finally:
        FUNCTIONS._entries.clear()
        FUNCTIONS._entries.update(before)


def head(k: Kernel) -> RcuHead:
    return RcuHead.at(k.scratch(RcuHead.SIZE))


def pass_scheduler(k: Kernel, *indexes: int) -> None:
    for index in indexes:
        k.use(index)
        rcu.quiescent()
    k.use(0)


def test_a_callback_runs_when_every_cpu_has_been_quiescent():
    freed: list[int] = []
    with kernel(cpus=3) as k, callback(freed.append):
        rcu.call(head(k), FREE, 7)
        assert PERIODS.started.value == 1
        pass_scheduler(k, 0, 2)
        assert freed == []
        pass_scheduler(k, 1)
        assert freed == [], "it runs on the CPU that gave it"
        pass_scheduler(k, 0)
        assert freed == [7]
        assert PERIODS.completed.value == 1
        assert not PERIODS.callers.value


def test_what_comes_during_a_grace_period_waits_for_the_next():
    freed: list[int] = []
    with kernel(cpus=2) as k, callback(freed.append):
        rcu.call(head(k), FREE, 1)
        pass_scheduler(k, 0)
        with rcu.read():
            rcu.call(head(k), FREE, 2)
            rcu.call(head(k), FREE, 3)
        pass_scheduler(k, 1, 0)
        assert freed == [1], "CPU 0 may have begun to read after it was quiescent"
        assert PERIODS.started.value == 2
        pass_scheduler(k, 1, 0)
        assert freed == [1, 2, 3]
        assert PERIODS.completed.value == PERIODS.started.value == 2


def test_an_idle_cpu_delays_nobody():
    freed: list[int] = []
    with kernel(cpus=2) as k, callback(freed.append):
        k.use(1)
        rcu.idle_enter()
        k.use(0)
        rcu.call(head(k), FREE, 1)
        pass_scheduler(k, 0)
        assert freed == [1]
        k.use(1)
        rcu.idle_exit()
        k.use(0)
        rcu.call(head(k), FREE, 2)
        pass_scheduler(k, 0)
        assert freed == [1]
        pass_scheduler(k, 1, 0)
        assert freed == [1, 2]


def test_a_cpu_in_user_mode_delays_nobody():
    freed: list[int] = []
    with kernel(cpus=2) as k, callback(freed.append):
        PARTIES[1].mode.store(MODE_USER)
        rcu.call(head(k), FREE, 1)
        pass_scheduler(k, 0)
        assert freed == [1]
        PARTIES[1].mode.store(MODE_KERNEL)
        rcu.call(head(k), FREE, 2)
        pass_scheduler(k, 0)
        assert freed == [1]


def test_reading_forbids_sleep_and_nests_and_is_asserted():
    with kernel() as k:
        cell = AtomicU64.at(k.scratch(8))
        rcu.publish(cell, 64)
        with pytest.raises(AssertionError, match="outside a read section"):
            rcu.follow(cell)
        with rcu.read(), rcu.read():
            assert rcu.follow(cell) == 64
            assert cpu().area.preempt_count == 2
            rcu.want(1)
            with pytest.raises(KernelPanic, match="left open in the scheduler"):
                rcu.quiescent()
        assert cpu().area.preempt_count == 0
        rcu.quiescent()
        assert CPUS.of(0).nesting == 0


class Canary:
    """Objects that a writer on CPU 0 publishes, one after the other, and frees by RCU."""

    SLOTS = 8
    ROUNDS = 400

    def __init__(self, k: Kernel, *, halts: bool) -> None:
        self.halts = halts
        self.places = [k.scratch(64) for _ in range(self.SLOTS)]
        self.pool = [memory.words(at, 8) for at in self.places]
        self.busy = memory.words(k.scratch(8 * self.SLOTS), self.SLOTS)
        self.counts = memory.words(k.scratch(16), 2)  #: frees; whether the writer has ended
        self.current = AtomicU64.at(k.scratch(8))
        self.gone = AtomicU64.at(k.scratch(8))
        self.write(0, 1)

    def write(self, slot: int, turn: int) -> None:
        """Make an object and let readers find it."""
        self.pool[slot][0] = self.pool[slot][1] = turn
        self.busy[slot] = 1
        rcu.publish(self.current, self.places[slot])

    def free(self, slot: int) -> None:
        """The callback: the object is poisoned at once, and may be used again."""
        self.pool[slot][0] = POISON
        self.busy[slot] = 0
        self.counts[0] += 1

    def writer(self) -> None:
        """Replace the object again and again."""
        mine, turn = 0, 1
        while turn < self.ROUNDS:
            rcu.quiescent()
            slot = next((n for n in range(self.SLOTS) if not self.busy[n]), None)
            if slot is not None:
                turn += 1
                self.write(slot, turn)
                rcu.call(RcuHead.at(self.places[mine] + 16), FREE, mine)
                mine = slot
            elif self.halts:
                idle.idle()
        while PERIODS.callers.value:
            rcu.quiescent()
        self.counts[1] = 1
        while self.gone.load() < 3:  # some may halt
            for index in range(1, 4):
                halt.ring(index)
            time.sleep(0.001)

    def reader(self) -> None:
        """Look twice at what is published."""
        while not self.counts[1]:
            with rcu.read():
                words = memory.words(rcu.follow(self.current), 8)
                first = words[0]
                for _ in range(5):
                    assert words[0] == words[1] == first != POISON
            if self.halts:
                idle.idle()
            rcu.quiescent()
        rcu.idle_enter()
        self.gone.add(1)


@pytest.mark.parametrize("halts", [False, True])
def test_no_reader_ever_finds_what_was_freed(halts):
    with core_processes(4) as k:
        canary = Canary(k, halts=halts)
        with callback(canary.free):
            run_cpus(k, lambda index: canary.reader() if index else canary.writer(), timeout_s=30)
        assert canary.counts[0] == Canary.ROUNDS - 1
