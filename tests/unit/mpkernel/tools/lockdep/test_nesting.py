"""Contexts are entered for real."""

import pytest

from mpkernel.sync.lockdep import report
from mpkernel.tools.lockdep.nesting import Nesting
from mpkernel.tools.lockdep.sequence import Scratch, in_task
from tests.support import lockdep
from tests.support.kernel import kernel


@pytest.mark.parametrize(
    ("outer", "inner", "kinds"),
    [
        ("HARDIRQ", "SPINLOCK", []),
        ("NOTTHREADED_HARDIRQ", "SPINLOCK", [report.CONTEXT]),
        ("RAW_SPINLOCK", "SPINLOCK", [report.CONTEXT]),
        ("RCU_SCHED", "RAW_SPINLOCK", []),
        ("MUTEX", "MUTEX", []),
    ],
)
def test_the_validator_is_told(outer: str, inner: str, kinds: list[str]):
    with kernel(), lockdep.expected() as found:
        scratch = Scratch()
        in_task(scratch, Nesting(scratch).run(outer, inner))
    assert found.kinds == kinds


def test_a_mutex_in_a_handler_does_not_get_that_far():
    with kernel(), lockdep.expected() as found:
        scratch = Scratch()
        with pytest.raises(AssertionError, match="handler"):
            in_task(scratch, Nesting(scratch).run("HARDIRQ", "MUTEX"))
    assert found.kinds == [report.SLEEP]
