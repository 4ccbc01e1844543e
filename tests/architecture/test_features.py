"""Tests name feature rows that exist, and what each row has to say is well formed."""

import ast

from tests.support import features
from tests.support.source_tree import dotted, sources


def named_rows() -> set[str]:
    """Rows that some test's marker names."""
    return {
        argument.value
        for source in sources("tests")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and dotted(node.func) == "pytest.mark.feature"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


def test_every_named_row_exists():
    assert named_rows() <= set(features.rows())


def test_rows_are_well_formed():
    for number, row in features.rows().items():
        assert {"area", "claim"} <= row.keys() <= {"area", "claim", "answer", "limit"}, number


def test_the_document_has_every_row_and_no_other():
    text = features.DOCUMENT.read_text()
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    found = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert [one for one in found if one not in ("row", "-")] == list(features.rows())


def test_verdicts():
    assert features.verdict({}, {}) == "open"
    assert features.verdict({}, {"a": "passed", "b": "failed"}) == "**failed**"
    assert features.verdict({}, {"a": "passed", "b": "skipped"}) == "proved"
    assert features.verdict({"limit": "x"}, {"a": "passed"}) == "proved in part"
    assert features.verdict({"answer": "x"}, {}) == "answered"
    assert features.verdict({}, {"a": "skipped"}) == "skipped"
