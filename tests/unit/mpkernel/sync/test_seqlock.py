"""Sequence locks: no reader keeps what it has read while a writer was at it."""

import pytest

from mpkernel.arch import memory
from mpkernel.panic import KernelPanic
from mpkernel.sync import preempt, ranks
from mpkernel.sync.seqlock import SeqCount, Seqlock
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import Kernel, kernel


def seqlock(k: Kernel) -> Seqlock:
    new = Seqlock.at(k.scratch(Seqlock.SIZE))
    new.init(ranks.FRAMES)
    return new


def test_a_read_with_a_writer_between_is_done_again():
    with kernel() as k:
        lock, tries = seqlock(k), []

        def copy() -> int:
            tries.append(len(tries))
            if len(tries) == 1:
                with lock.write():
                    lock.assert_held()
            return len(tries)

        assert lock.read(copy) == 2
        start = lock.read_begin()
        assert not lock.read_retry(start)
        with lock.write(irqsave=True):
            assert lock.count.sequence.value & 1
        assert lock.read_retry(start)


def test_two_writers_and_writers_that_may_be_switched_away_are_refused():
    with kernel() as k:
        count = SeqCount.at(k.scratch(SeqCount.SIZE))
        count.init()
        with pytest.raises(KernelPanic, match="nobody writes"):
            count.write_end()
        count.init()
        with pytest.raises(AssertionError, match="preemption on"):
            count.write_begin()
        count.init()
        preempt.disable()
        count.write_begin()
        with pytest.raises(KernelPanic, match="two at the same time"):
            count.write_begin()


def test_a_torn_read_is_never_seen():
    """Writers change eight words, one by one; readers want them equal."""
    with core_processes(4) as k:
        lock, words = seqlock(k), memory.words(k.scratch(64), 8)

        def work(index: int) -> None:
            if index < 2:
                for _ in range(2000):
                    with lock.write():
                        following = words[0] + 1
                        for place in range(8):
                            words[place] = following
            else:
                seen = 0
                for _ in range(4000):
                    copied = lock.read(lambda: list(words))
                    assert len(set(copied)) == 1
                    assert copied[0] >= seen
                    seen = copied[0]

        run_cpus(k, work)
        assert list(words) == [4000] * 8
