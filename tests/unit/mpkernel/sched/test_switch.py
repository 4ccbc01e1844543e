"""The switch: a task runs, sleeps, moves and ends."""

import pytest

from mpkernel.arch import interrupts
from mpkernel.arch.context import registers
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sched import switch
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import TASK_DEAD, TASK_READY, TASK_RUNNING, current
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sched.wakeup import start
from tests.support import lockdep
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("F1")


@pytest.mark.parametrize("seed", range(20))
def test_every_task_gets_all_its_turns_and_is_itself(seed):
    with kernel(3, seed) as k:
        expected = {}

        async def body(me: int) -> int:
            for _ in range(5):
                task = current()
                assert task.phys == expected[me]
                assert (task.state, task.on_cpu, task.in_kernel) == (TASK_RUNNING, 1, 1)
                registers().rax = me
                await give_up_cpu()
                assert registers().rax == me
            return me

        tasks = [k.spawn(me % 3, body(me)) for me in range(9)]
        expected.update({me: task.phys for me, task in enumerate(tasks)})
        k.run()
        assert sorted(k.results) == list(range(9))
        assert all(task.state == TASK_DEAD and task.switches == 6 for task in tasks)
        assert not any(one.coroutines or one.area.current for one in k.cpus)


def test_sleep_with_interrupts_off_panics():
    with kernel() as k:

        async def body() -> None:
            interrupts.disable()
            await give_up_cpu()

        k.spawn(0, body())
        with lockdep.expected(), pytest.raises(KernelPanic, match="sleeps with spinlocks held"):
            k.run()
        interrupts.enable()
        cpu().area.current = 0


def test_a_task_that_may_not_stay_is_queued_where_it_may_run():
    with kernel(3) as k:
        task = k.new_task()
        start(task, 0)
        picked = switch._pick()
        assert picked is not None
        assert picked.phys == task.phys
        task.affinity = 1 << 2
        assert not switch._user_turn(task)
        assert (task.cpu, task.state, task.on_cpu) == (2, TASK_READY, 0)
        assert [RUN_QUEUES.of(index).length for index in range(3)] == [0, 0, 1]


def test_a_turn_ends_only_if_others_wait():
    with kernel() as k:
        first, second = k.new_task(), k.new_task()
        start(first, 0)
        start(second, 0)
        assert switch._pick() is not None
        cpu().area.need_resched = 1
        assert not switch._user_turn(first)
        assert first.state == TASK_READY
        following = switch._pick()
        assert following is not None
        assert following.phys == second.phys


def test_nothing_to_pick():
    with kernel():
        assert switch._pick() is None
