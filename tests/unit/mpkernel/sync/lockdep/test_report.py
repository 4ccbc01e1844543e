"""Reports: once a finding; as text, JSON and Graphviz they say the same."""

from mpkernel.sync.lockdep import report
from mpkernel.sync.lockdep.report import Report, Step
from tests.support import lockdep
from tests.support.kernel import kernel


def example() -> Report:
    steps = [Step("pipe", "inode", 0, ["a.py:1 f"]), Step("inode", "pipe", 1, ["b.py:2 g"])]
    return Report(
        report.CIRCULAR, "pipe -> inode -> pipe", locks=["pipe", "inode"], steps=steps,
        scene=report.circle_scene(steps), held=["pipe (mutex)"], stack=["a.py:1 f"],
    )  # fmt: skip


def test_a_finding_is_reported_once():
    with kernel():
        assert report.is_new(report.RANK, (1, 2))
        assert not report.is_new(report.RANK, (1, 2))
        assert report.is_new(report.RANK, (2, 1))
        assert report.is_new(report.CIRCULAR, (1, 2))


def test_reports_are_found_again_in_order():
    with kernel(), lockdep.expected() as found:
        first, second = example(), Report(report.RANK, "other")
        report.keep(first)
        report.keep(second)
        assert report.all_reports() == [first, second]
    assert found.kinds == [report.CIRCULAR, report.RANK]


def test_the_text_shows_the_scene_and_each_stack():
    text = example().text()
    assert "core 0                      core 1" in text
    assert "    has pipe                    has inode\n" in text
    assert "    waits for inode             waits for pipe\n" in text
    assert "  inode -> pipe, first on core 1:\n    b.py:2 g\n" in text
    assert "held here: pipe (mutex)" in text


def test_json_and_graphviz():
    assert Report.from_json(example().to_json()) == example()
    dot = example().graphviz()
    assert dot.startswith("digraph")
    assert '"inode" -> "pipe" [label="b.py:2 g"];' in dot
