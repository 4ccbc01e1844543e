"""The sleeping mutex: exclusion, wakeups, owner."""

import pytest

from mpkernel.panic import KernelPanic
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.kernel import kernel


@pytest.mark.parametrize("seed", range(20))
def test_sections_never_overlap_and_all_end(seed):
    with kernel(3, seed) as k:
        mutex = Mutex.at(k.scratch(Mutex.SIZE))
        mutex.init(ranks.INODE)
        inside: list[int] = []
        counter = [0]

        async def worker(me: int) -> int:
            for _ in range(10):
                async with mutex:
                    assert not inside
                    inside.append(me)
                    seen = counter[0]
                    await give_up_cpu()
                    counter[0] = seen + 1
                    inside.remove(me)
            return me

        for me in range(6):
            k.spawn(me % 3, worker(me))
        k.run()
        assert sorted(k.results) == list(range(6))
        assert counter == [60]


def test_taken_twice_and_foreign_release_panic():
    with kernel() as k:
        mutex = Mutex.at(k.scratch(Mutex.SIZE))
        mutex.init(ranks.INODE)

        async def twice() -> None:
            await mutex.acquire()
            with pytest.raises(KernelPanic, match="taken twice"):
                await mutex.acquire()

        async def foreign() -> None:
            with pytest.raises(KernelPanic, match="does not hold"):
                mutex.release()

        k.spawn(0, twice())
        k.spawn(0, foreign())
        with lockdep.expected() as found:
            k.run()
        assert found.kinds == [report.RECURSION, report.LEFT_HELD, report.NOT_HELD]
        assert len(k.results) == 2
