"""A task's end passes through what catches errors."""

from contextlib import suppress

from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.task import TASK_DEAD
from tests.support.kernel import kernel


def test_no_handler_of_errors_holds_a_task_back():
    with kernel() as k:
        cleaned = []

        async def body() -> None:
            try:
                with suppress(Exception):
                    raise TaskExit
                cleaned.append("went on")
            finally:
                cleaned.append("cleaned")

        task = k.spawn(0, body())
        k.run()
        assert cleaned == ["cleaned"]
        assert task.state == TASK_DEAD
        assert not k.results
