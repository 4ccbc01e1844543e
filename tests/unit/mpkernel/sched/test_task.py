"""Tasks: names, and which one runs."""

import pytest

from mpkernel.arch import context
from mpkernel.arch.cpu import cpu
from mpkernel.sched.task import CONTEXT_BYTES, STATE_LETTERS, TASK_DEAD, current, name_of, set_name
from tests.support.kernel import kernel


@pytest.mark.parametrize(
    ("name", "kept"), [("sh", "sh"), ("", ""), ("x" * 40, "x" * 15), ("\udcff", "\ufffd")]
)
def test_names_are_cut(name, kept):
    with kernel() as k:
        task = k.new_task("longer before")
        following = task.reserved_end
        set_name(task, name)
        assert name_of(task) == kept
        assert task.reserved_end == following


def test_current_is_the_task_of_this_cpu():
    with kernel(2) as k:
        task = k.new_task()
        cpu().area.current = task.phys
        assert current().phys == task.phys
        k.use(1)
        with pytest.raises(AssertionError, match="no task runs"):
            current()


def test_user_registers_fit_and_each_state_has_a_letter():
    assert context.SIZE <= CONTEXT_BYTES
    assert len(STATE_LETTERS) == TASK_DEAD + 1
