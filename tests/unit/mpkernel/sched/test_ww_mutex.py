"""Wound/wait mutexes: taken in any order by contexts that hold several, and no deadlock."""

import random
from collections.abc import Coroutine
from typing import Any

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.panic import KernelPanic
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.ww_context import WwClass, WwContext
from mpkernel.sched.ww_mutex import WwMutex
from mpkernel.sync import ranks
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel


class Objects:
    """Some ww-mutexes of one class."""

    def __init__(self, k: Kernel, count: int, *, is_wait_die: bool = True) -> None:
        self.k = k
        self.kind = WwClass(ranks.unranked("ww"), ranks.unranked("ww context"), is_wait_die)
        self.locks = [WwMutex.at(k.scratch(WwMutex.SIZE)) for _ in range(count)]
        for lock in self.locks:
            lock.init(self.kind)

    def context(self) -> WwContext:
        """Memory for a context."""
        return WwContext.at(self.k.scratch(WwContext.SIZE))

    async def take_all(self, context: WwContext, order: list[int], pause: bool) -> int:
        """Take the locks in that order, as the rules say; return how often that began anew."""
        retries = 0
        held: list[int] = []
        while len(held) < len(order):
            try:
                for place in order:
                    if place not in held:
                        await self.locks[place].acquire(context)
                        held.append(place)
                        if pause:
                            await give_up_cpu()
            except SysError as error:
                if error.errno != Errno.EDEADLK:
                    raise
                retries += 1
                blocked = next(p for p in order if self.locks[p].phys == context.blocked)
                for one in held:
                    self.locks[one].release()
                await self.locks[blocked].acquire_slow(context)
                held = [blocked]
        return retries


def in_one_task(body: Coroutine[Any, Any, Any], k: Kernel) -> None:
    k.spawn(0, body)
    k.run()
    assert len(k.results) == 1


@pytest.mark.parametrize("is_wait_die", [True, False])
@pytest.mark.parametrize("seed", range(25))
def test_any_order_ends_without_deadlock(seed, is_wait_die):
    with kernel(3, seed) as k:
        objects = Objects(k, 4, is_wait_die=is_wait_die)
        chance = random.Random(seed)
        inside: set[int] = set()

        async def worker() -> int:
            context, order = objects.context(), chance.sample(range(4), 3)
            context.init(objects.kind)
            retries = await objects.take_all(context, order, pause=True)
            context.done()
            assert not inside & set(order)
            inside.update(order)
            await give_up_cpu()
            inside.difference_update(order)
            for one in order:
                objects.locks[one].release()
            context.fini()
            return retries

        for index in range(8):
            k.spawn(index % 3, worker())
        k.run()
        assert len(k.results) == 8
        assert all(lock.owner.value == 0 for lock in objects.locks)


@pytest.mark.parametrize("is_wait_die", [True, False])
def test_of_two_in_each_others_way_the_older_wins(is_wait_die):
    with kernel() as k:
        objects = Objects(k, 2, is_wait_die=is_wait_die)
        order: list[str] = []

        async def worker(name: str, first: int) -> int:
            context = objects.context()
            context.init(objects.kind)
            retries = await objects.take_all(context, [first, 1 - first], pause=True)
            order.append(name)
            for lock in objects.locks:
                lock.release()
            context.done()
            context.fini()
            return retries

        k.spawn(0, worker("older", 0))
        k.spawn(0, worker("younger", 1))
        k.run()
        assert order == ["older", "younger"]
        assert k.results == [0, 1]


def test_the_same_lock_twice_is_already_there_and_younger_contexts_die():
    with kernel() as k:
        objects = Objects(k, 1)
        lock = objects.locks[0]

        async def body() -> None:
            context, younger = objects.context(), objects.context()
            context.init(objects.kind)
            await lock.acquire(context)
            with pytest.raises(SysError, match="EALREADY"):
                await lock.acquire(context)
            assert not lock.try_acquire()
            memory.copy(younger.phys, context.phys, WwContext.SIZE)
            younger.stamp += 1
            with pytest.raises(SysError, match="EDEADLK"):
                await lock.acquire(younger)
            lock.release()
            assert lock.try_acquire()
            lock.release()
            context.done()
            context.fini()

        in_one_task(body(), k)


def test_without_a_context_it_is_a_mutex():
    with kernel(2) as k:
        lock, counter = Objects(k, 1).locks[0], [0]

        async def worker() -> None:
            for _ in range(5):
                await lock.acquire()
                seen = counter[0]
                await give_up_cpu()
                counter[0] = seen + 1
                lock.assert_held()
                lock.release()

        for index in range(4):
            k.spawn(index % 2, worker())
        k.run()
        assert counter == [20]
        assert lock.context == 0


def test_broken_rules_panic():
    with kernel() as k:
        k.cpus[0].lockdep = None
        objects, others = Objects(k, 3), Objects(k, 1)
        others.kind = WwClass(ranks.unranked("other"), ranks.unranked("other context"))
        first, second, third = objects.locks

        async def body() -> None:
            context = objects.context()
            context.init(objects.kind)
            with pytest.raises(KernelPanic, match="without need"):
                await first.acquire_slow(context)
            foreign = others.context()
            foreign.init(others.kind)
            with pytest.raises(KernelPanic, match="another class"):
                await first.acquire(foreign)
            await first.acquire(context)
            with pytest.raises(KernelPanic, match="1 locks held"):
                context.fini()
            context.blocked = second.phys
            with pytest.raises(KernelPanic, match="given all back"):
                await third.acquire(context)
            first.release()
            with pytest.raises(KernelPanic, match="another lock first"):
                await third.acquire(context)
            context.done()
            with pytest.raises(KernelPanic, match="done twice"):
                context.done()
            with pytest.raises(KernelPanic, match="is done"):
                await first.acquire(context)
            context.fini()
            with pytest.raises(KernelPanic, match="ended twice"):
                context.fini()
            context.init(objects.kind)
            first.context = foreign.phys
            with pytest.raises(KernelPanic, match="carries a context"):
                await first.acquire(context)

        in_one_task(body(), k)


@pytest.mark.parametrize("is_wait_die", [True, False])
def test_cores_of_their_own_end_and_lose_no_update(is_wait_die):
    with core_processes(3) as k:
        objects = Objects(k, 3, is_wait_die=is_wait_die)
        words = memory.words(k.scratch(24), 3)
        contexts = [objects.context() for _ in range(6)]

        async def worker(me: int) -> None:
            chance = random.Random(me)
            context = contexts[me]
            for _ in range(60):
                order = chance.sample(range(3), 2)
                context.init(objects.kind)
                await objects.take_all(context, order, pause=False)
                context.done()
                for one in order:
                    words[one] += 1
                for one in order:
                    objects.locks[one].release()
                context.fini()

        run_tasks(k, [(index % 3, worker(index)) for index in range(6)])
        assert sum(words) == 6 * 60 * 2
