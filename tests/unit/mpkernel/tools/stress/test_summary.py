"""What continuous integration reads."""

import json
from xml.etree import ElementTree

from mpkernel.tools.stress.plan import Plan, Result
from mpkernel.tools.stress.summary import to_json, to_junit

PLANS = [Plan(seed) for seed in (1, 2, 3)]
RESULTS = [
    Result(1, passed=True, status=0, seconds=1.5),
    Result(2, status=72, seconds=0.5, problems=["deadlock: CPU 0 <&> CPU 1\n  stack", "status 72"]),
]


def test_junit():
    suite = ElementTree.fromstring(to_junit(PLANS, RESULTS))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    first, second, third = suite
    assert list(first) == []
    assert first.get("time") == "1.500"
    assert second[0].tag == "failure"
    assert second[0].get("message") == "deadlock: CPU 0 <&> CPU 1"
    assert "status 72" in (second[0].text or "")
    assert third[0].tag == "skipped"


def test_json():
    trials = json.loads(to_json(PLANS, RESULTS))["trials"]
    assert [trial["plan"]["seed"] for trial in trials] == [1, 2, 3]
    assert trials[1]["result"]["problems"][1] == "status 72"
    assert trials[2]["result"] is None
