"""Every known bug is found by the tool that should find it; its repaired twin is clean."""

import json

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


def test_the_document_says_what_is_found(found: dict[str, Outcome]):
    """How many schedules it took depends on each step of the kernel's locks: within the bound."""
    written = [row.rpartition(" | ") for row in DOCUMENT.read_text().splitlines()]
    made = [row.rpartition(" | ") for row in document(list(found.values())).splitlines()]
    assert [row[0] for row in written] == [row[0] for row in made]
    needed = [int(row[2].removesuffix(" |")) for row in written if row[2][:1].isdigit()]
    assert all(count <= bug.within for count, bug in zip(needed, bugs(), strict=True))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twins_stand_ten_thousand_schedules():
    for one in json.loads(watched(RUN, str(LONG_TWIN_SCHEDULES), seconds=3600)):
        outcome = Outcome(**one)
        assert outcome.twin == "", outcome.name
        assert outcome.twin_schedules >= LONG_TWIN_SCHEDULES or outcome.is_exhaustive
