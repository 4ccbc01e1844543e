"""Each scenario of Linux's lock validator, through real lock types: the verdict is the same."""

import pytest

from mpkernel.cli.lockdep import board
from mpkernel.tools.lockdep import selftest
from mpkernel.tools.lockdep.scenario import Scenario, load


@pytest.mark.parametrize("scenario", load(), ids=lambda one: one.case)
def test_verdict(scenario: Scenario):
    with board() as this:
        assert selftest.run(scenario, this) == scenario.is_reported, scenario.text


def test_a_difference_names_a_case():
    assert set(selftest.DIFFERENCES) <= {one.case for one in load()}
