"""Each rule of wound/wait mutexes is reported for what it is."""

import pytest

from mpkernel.panic import KernelPanic
from mpkernel.sync.lockdep import report
from mpkernel.tools.lockdep.scenario import load
from mpkernel.tools.lockdep.sequence import Scratch, in_task
from mpkernel.tools.lockdep.wound_wait import WoundWait
from tests.support import lockdep
from tests.support.kernel import kernel


@pytest.mark.parametrize(
    ("case", "kind", "what"),
    [
        ("ww_test_two_contexts", report.RECURSION, "context"),
        ("ww_test_context_fini_early", report.MISUSE, "1 locks held"),
        ("ww_test_edeadlk_no_unlock", report.MISUSE, "given all back"),
        ("ww_test_edeadlk_acquire_wrong_slow", report.MISUSE, "another lock first"),
        ("ww_test_spin_nest_unlocked", report.NEST, "not held"),
        ("ww_test_try_context", report.RECURSION, "ww lock"),
        ("ww_test_object_unlock_twice", report.NOT_HELD, "not held"),
    ],
)
def test_case(case: str, kind: str, what: str):
    with kernel(), lockdep.expected() as found:
        scratch = Scratch()
        try:
            in_task(scratch, WoundWait(scratch).run(case))
        except KernelPanic:
            assert kind in (report.MISUSE, report.NOT_HELD)
    assert found.kinds == [kind]
    assert what in found.reports[0].what


def test_there_is_a_method_a_case():
    cases = {one.case for one in load() if one.group == "7 wound/wait"}
    assert all(hasattr(WoundWait, case.removeprefix("ww_test_")) for case in cases)
