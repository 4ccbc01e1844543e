"""Wakeups: which states they end, and that none is lost while a CPU leaves the task."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.arch import interrupts
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.ipi import COUNTS
from mpkernel.panic import KernelPanic
from mpkernel.sched import switch
from mpkernel.sched.completion import Completion
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rt_mutex import RtMutex
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.semaphore import Semaphore
from mpkernel.sched.task import (
    TASK_BLOCKED,
    TASK_DEAD,
    TASK_KILLABLE,
    TASK_NEW,
    TASK_READY,
    TASK_RUNNING,
    TASK_SLEEPING,
)
from mpkernel.sched.wait_cell import OnceChannel, WaitCell
from mpkernel.sched.wait_queue import WaitQueue, give_up_cpu
from mpkernel.sched.wakeup import notice_signal, start, wake
from mpkernel.sched.ww_context import WwClass
from mpkernel.sched.ww_mutex import WwMutex
from mpkernel.sync import ranks
from tests.support.core_processes import core_processes, run_tasks
from tests.support.kernel import Kernel, kernel

pytestmark = pytest.mark.feature("F4")
ASLEEP = (TASK_SLEEPING, TASK_KILLABLE, TASK_BLOCKED)
STATES = (TASK_NEW, TASK_READY, TASK_RUNNING, *ASLEEP, TASK_DEAD)


@pytest.mark.parametrize(
    ("called", "wakes"),
    [
        (None, set(ASLEEP)),
        ("", set()),
        ("signal_pending", {TASK_SLEEPING}),
        ("must_end", {TASK_KILLABLE}),
    ],
)
@pytest.mark.parametrize("state", STATES)
def test_only_sleep_ends(state, called, wakes):
    with kernel() as k:
        task = k.new_task()
        task.state = state
        if called:
            setattr(task, called, 1)
        assert wake(task, only_called=called is not None) == (state in wakes)
        assert RUN_QUEUES.of(0).length == (1 if state in wakes else 0)
        assert task.state == (TASK_READY if state in wakes else state)
        assert cpu().area.need_resched == (1 if state in wakes else 0)


@pytest.mark.parametrize("order", ["wake first", "leave first"])
def test_a_task_being_left_is_queued_once(order):
    with kernel(2) as k:
        task = k.new_task()
        task.state, task.on_cpu, task.cpu = TASK_SLEEPING, 1, 0
        halves = [lambda: (k.use(1), wake(task)), lambda: (k.use(0), switch._leave(task))]
        for half in halves if order == "wake first" else reversed(halves):
            half()
        assert task.state == TASK_READY
        assert not task.on_cpu
        assert RUN_QUEUES.of(0).length == 1
        assert not wake(task)  # a second waker finds it awake
        assert RUN_QUEUES.of(0).length == 1


def test_another_cpus_task_is_kicked_by_an_interrupt():
    with kernel(2) as k:
        start(k.new_task(), 1)
        assert COUNTS.of(0).sent[0] == 1
        assert not cpu().area.need_resched
        k.use(1)
        interrupts.safepoint()
        assert cpu().area.need_resched
        assert COUNTS.of(1).taken[0] == 1


def test_only_new_tasks_start():
    with kernel() as k:
        task = k.new_task()
        start(task, 0)
        with pytest.raises(KernelPanic, match="AssertionError"):
            start(task, 0)


def test_a_signal_kicks_the_cpu_of_a_running_task_only():
    with kernel(2) as k:
        task = k.new_task()
        task.cpu = 1
        for state in STATES:
            if state != TASK_SLEEPING:
                task.state = state
                notice_signal(task)
                assert COUNTS.of(0).sent[0] == (1 if state >= TASK_RUNNING else 0)
        assert RUN_QUEUES.of(1).length == 0


def waits(k: Kernel) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
    """Each way to sleep that a signal ends, on something that never comes."""

    def made(kind: Any, *arguments: Any) -> Any:
        new = kind.at(k.scratch(kind.SIZE))
        new.init(*arguments)
        return new

    kind = WwClass(ranks.unranked("ww"), ranks.unranked("ww context"))
    mutex, rt_mutex, ww_mutex = (
        made(Mutex, ranks.unranked("m")), made(RtMutex, ranks.unranked("rt")), made(WwMutex, kind)
    )  # fmt: skip
    rwsem, queue = made(Rwsem, ranks.unranked("rw")), made(WaitQueue)

    async def hold() -> None:
        for lock in (mutex, rt_mutex, ww_mutex):
            await lock.acquire()
        await rwsem.acquire_write()
        await queue.wait_until(lambda: False, interruptible=False)

    k.spawn(0, hold())
    k.turn(0)
    return {
        "wait queue": queue.wait_until,
        "mutex": mutex.acquire,
        "rt-mutex": rt_mutex.acquire,
        "ww-mutex": ww_mutex.acquire,
        "reader": rwsem.acquire_read,
        "writer": rwsem.acquire_write,
        "semaphore": made(Semaphore, 0).acquire,
        "completion": made(Completion).wait,
        "cell": made(WaitCell).wait,
        "channel": made(OnceChannel).receive,
    }


@pytest.mark.feature("OPEN-6", "F4")
@pytest.mark.parametrize("deadline_ns", [None, 1 << 62])
@pytest.mark.parametrize("how", ["interruptible", "killable"])
def test_a_task_killed_in_any_wait_leaves_nothing_behind(deadline_ns, how):
    with kernel() as k:
        for name, wait in waits(k).items():
            if how not in inspect.signature(wait).parameters:
                continue
            arguments: list[Any] = []
            named: dict[str, Any] = {"interruptible": how == "interruptible", how: True}
            if name == "wait queue":
                arguments, named["deadline_ns"] = [lambda: False], deadline_ns

            async def victim(
                name: str = name,
                wait: Callable[..., Coroutine[Any, Any, Any]] = wait,
                arguments: list[Any] = arguments,
                named: dict[str, Any] = named,
            ) -> str:
                try:
                    await wait(*arguments, **named)
                except SysError as error:
                    return f"{name}: {error}"
                return f"{name}: woken"

            task = k.spawn(0, victim())
            k.run()
            assert task.state == (TASK_SLEEPING if how == "interruptible" else TASK_KILLABLE), name
            if how == "killable":
                task.signal_pending = 1  # not enough
                notice_signal(task)
                k.run()
                assert task.state == TASK_KILLABLE
            task.signal_pending = task.must_end = 1
            notice_signal(task)
            k.run()
            assert k.results == [f"{name}: EINTR"]
            assert task.state == TASK_DEAD
            assert task.waiter.node.is_empty(), name
            assert not task.timer.is_armed
            assert not wake(task), "a wake that comes later is harmless"
            k.run()
            k.results.clear()


@pytest.mark.feature("FIX-5")
def test_no_sleeper_is_left_without_a_waker_however_cores_race():
    """Two cores hand a token to and fro, asleep in between; two more get in the way."""
    with core_processes(4) as k:
        rounds = 150
        token = AtomicU64.at(k.scratch(8))
        queues = [WaitQueue.at(k.scratch(WaitQueue.SIZE)) for _ in range(2)]
        for queue in queues:
            queue.init()

        async def player(me: int) -> None:
            for turn in range(rounds):
                await queues[me].wait_until(lambda: token.load() >= 2 * turn + me)  # noqa: B023
                token.add(1)
                queues[1 - me].wake_all()

        async def disturber() -> None:
            while token.load() < 2 * rounds:
                for queue in queues:
                    queue.wake_all()
                await give_up_cpu()

        run_tasks(k, [(0, player(0)), (1, player(1)), (2, disturber()), (3, disturber())])
        assert token.load() == 2 * rounds
