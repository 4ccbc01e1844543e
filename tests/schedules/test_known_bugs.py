"""Every known bug is found by the tool that should find it; its repaired twin is clean."""

import json
from dataclasses import asdict

import pytest

from tests.support.known_bugs import (
    DOCUMENT,
    LONG_TWIN_SCHEDULES,
    TWIN_SCHEDULES,
    Bug,
    Outcome,
    bugs,
    document,
)
from tests.support.watched import watched

RUN = """
import json, sys
from dataclasses import asdict
from tests.support.known_bugs import outcomes
print(json.dumps([asdict(outcome) for outcome in outcomes(int(sys.argv[1]))]))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Outcome]:
    return {one["name"]: Outcome(**one) for one in json.loads(watched(RUN, str(TWIN_SCHEDULES)))}


def test_there_are_at_least_forty():
    assert len(bugs()) >= 40


@pytest.mark.feature("FIX-1", "FIX-5", "FIX-6", "FIX-7", "FIX-11", "OPEN-5", "OPEN-6", "OPEN-7")
@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_found_and_repaired(bug: Bug, found: dict[str, Outcome]):
    outcome = found[bug.name]
    assert outcome.kind == bug.kind
    assert outcome.needed <= bug.within
    assert outcome.twin == ""
    assert outcome.twin_schedules >= TWIN_SCHEDULES or outcome.is_exhaustive


def test_the_document_says_what_was_found(found: dict[str, Outcome]):
    assert DOCUMENT.read_text() == document(list(found.values()))
    assert asdict(next(iter(found.values())))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twins_stand_ten_thousand_schedules():
    for one in json.loads(watched(RUN, str(LONG_TWIN_SCHEDULES), seconds=3600)):
        outcome = Outcome(**one)
        assert outcome.twin == "", outcome.name
        assert outcome.twin_schedules >= LONG_TWIN_SCHEDULES or outcome.is_exhaustive
