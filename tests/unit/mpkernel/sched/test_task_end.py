"""A task that ends is handed over once, off its CPU."""

from mpkernel.arch.cpu import cpu
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.task import TASK_DEAD
from mpkernel.sched.task_end import TASK_END
from tests.support.kernel import kernel


def test_the_end_is_called_with_a_dead_task_that_no_cpu_runs():
    seen = []
    with kernel() as k:
        TASK_END._entries[0] = lambda task: seen.append(
            (task.phys, task.state, task.on_cpu, cpu().area.current)
        )

        async def body() -> None:
            raise TaskExit

        task = k.spawn(0, body())
        k.run()
        assert seen == [(task.phys, TASK_DEAD, 0, 0)]
