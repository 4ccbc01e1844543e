"""An allocation inside reclaim may reclaim only where no scope forbids it."""

import pytest

from mpkernel.sync.lockdep import report
from mpkernel.tools.lockdep import reclaim
from mpkernel.tools.lockdep.sequence import Scratch, in_task
from tests.support import lockdep
from tests.support.kernel import kernel


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        ("fs_reclaim_correct_nesting", []),
        ("fs_reclaim_wrong_nesting", [report.RECURSION]),
        ("fs_reclaim_protected_nesting", []),
    ],
)
def test_case(case: str, kinds: list[str]):
    with kernel(), lockdep.expected() as found:
        in_task(Scratch(), reclaim.run(case))
    assert found.kinds == kinds
