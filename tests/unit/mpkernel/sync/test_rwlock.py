"""Read-write locks: many readers or one writer, who waits, who overtakes, and real races."""

import time

import pytest

from mpkernel.arch import interrupts, memory
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.rwlock import Rwlock
from tests.support import lockdep
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel


def rwlock(k: Kernel, *, prefers_readers: bool = False) -> Rwlock:
    new = Rwlock.at(k.scratch(Rwlock.SIZE))
    new.init(ranks.unranked("rw"), prefers_readers=prefers_readers)
    return new


def test_readers_share_and_a_writer_is_alone():
    with kernel(cpus=2) as k:
        lock = rwlock(k)
        with lock.read():
            assert cpu().area.preempt_count == 1
            assert lock.is_read()
            assert not lock.try_acquire_write()
            k.use(1)
            assert not lock.is_read()
            assert lock.try_acquire_read()
            lock.release_read()
            k.use(0)
        with lock.write(irqsave=True):
            assert not interrupts.enabled()
            lock.assert_held(write=True)
            k.use(1)
            assert not lock.try_acquire_read()
            assert not lock.try_acquire_write()
            k.use(0)
        assert interrupts.enabled()
        assert cpu().area.preempt_count == 0
        assert lock.word.value == 0


def with_waiting_writer(k: Kernel, lock: Rwlock) -> None:
    """CPU 1 reads; the word is as if CPU 2 waited to write."""
    k.use(1)
    lock.acquire_read()
    lock.word.or_(1 << 8)


def test_a_reader_queues_behind_a_waiting_writer_but_for_those_who_must_not():
    with kernel(cpus=4) as k:
        lock = rwlock(k)
        with_waiting_writer(k, lock)
        k.use(0)
        assert not lock.try_acquire_read(), "a writer waits"
        k.use(1)
        lock.acquire_read()  # it reads already: behind the writer it would wait for itself
        lock.release_read()
        k.use(0)
        cpu().area.irq_depth = 1  # a handler may have interrupted a reader
        lock.acquire_read()
        lock.release_read()
        cpu().area.irq_depth = 0
        k.use(1)
        lock.release_read()
        fond = rwlock(k, prefers_readers=True)
        with_waiting_writer(k, fond)
        k.use(0)
        with lockdep.expected():
            fond.acquire_read()
        fond.release_read()
        k.use(1)
        fond.release_read()
        k.use(0)


def test_wrong_use_panics():
    with kernel(cpus=2) as k:
        for one in k.cpus:
            one.lockdep = None
        lock = rwlock(k)
        with pytest.raises(KernelPanic, match="before init"):
            Rwlock.at(k.scratch(Rwlock.SIZE)).acquire_read()
        with pytest.raises(KernelPanic, match="does not read"):
            lock.release_read()
        with pytest.raises(KernelPanic, match="does not write"):
            lock.release_write()
        with pytest.raises(KernelPanic, match="needs the rw"):
            lock.assert_held()
        lock.acquire_read()
        with pytest.raises(KernelPanic, match="which has it"):
            lock.acquire_write()
        with pytest.raises(KernelPanic, match="needs the rw"):
            lock.assert_held(write=True)
        lock.release_read()
        cpu().area.preempt_count = 0
        lock.acquire_write()
        with pytest.raises(KernelPanic, match="which writes it"):
            lock.acquire_read()


def test_the_validator_sees_a_reader_that_would_queue():
    with kernel() as k:
        one, two = rwlock(k), rwlock(k)
        with lockdep.expected() as found, one.read(), two.read():
            pass
        assert found.kinds == [report.RECURSION]
        with one.read(), one.read():
            pass


@pytest.mark.parametrize("prefers_readers", [False, True])
def test_cores_never_see_a_half_written_pair(prefers_readers):
    with core_processes(4) as k:
        lock = rwlock(k, prefers_readers=prefers_readers)
        words = memory.words(k.scratch(16), 2)

        def work(index: int) -> None:
            for turn in range(1500):
                if (turn + index) % 4:
                    with lock.read():
                        first = words[0]
                        assert words[1] == first
                else:
                    with lock.write(irqsave=bool(turn & 8)):
                        words[0] += 1
                        words[1] += 1

        run_cpus(k, work)
        assert list(words) == [1500, 1500]
        assert lock.word.value == 0


def test_a_writer_gets_in_however_many_read():
    with core_processes(3) as k:
        lock, done = rwlock(k), memory.words(k.scratch(8), 1)

        def work(index: int) -> None:
            if index:
                while not done[0]:
                    with lock.read():
                        time.sleep(0.0002)
                return
            for _ in range(20):
                time.sleep(0.0005)
                with lock.write():
                    pass
            done[0] = 1

        run_cpus(k, work, timeout_s=20)
