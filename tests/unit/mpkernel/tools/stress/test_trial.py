"""What makes a trial fail; whole trials are in tests/system/test_stress_command.py."""

import pytest

from mpkernel.tools.stress.plan import Result
from mpkernel.tools.stress.trial import _judge

CONSOLE = "spinning 12 rounds\nspinning 5 rounds\nstress: round 3 of threads fails with 256\n"


@pytest.mark.parametrize(
    ("status", "killed", "problems", "passes"),
    [
        (0, None, [], True),
        (0, None, ["a task on two CPUs"], False),
        (1, None, [], False),
        (72, None, [], False),
        (71, 2, [], True),
        (0, 2, [], False),
    ],
)
def test_the_verdict(status: int, killed: int | None, problems: list[str], passes: bool):
    result = Result(1, status=status, problems=list(problems))
    _judge(result, CONSOLE, killed)
    assert result.passed == passes
    assert result.counts == {"rounds of spinning": 17}
    if status == 1:
        assert result.problems[-1] == "stress: round 3 of threads fails with 256"
