"""The table has a column a core, and a row where a core does something at a line."""

from types import SimpleNamespace

from mpkernel.tools.explore.drawing import MOST_ROWS, draw
from mpkernel.tools.explore.transcript import Step


def transcript_of(*steps: Step):
    source = {3: "with s.a:", 9: "s.n.store(1)"}
    return SimpleNamespace(steps=list(steps), source=lambda line: source.get(line, "(scheduler)"))


def test_steps_at_one_line_are_one_row():
    table = draw(
        transcript_of(
            Step(0, 3, "cas", "a.cell.word"),
            Step(0, 3, "looks at", "(interrupts of core0)"),
            Step(1, 9, "sets", "n"),
            Step(0, 0, "cas", "(kernel 0x10)"),
        ),
        ["core0", "core1"],
    )
    room = " " * (len("3: with s.a:  [cas a.cell.word]") + 2)
    assert table.splitlines()[1:] == [
        "    1  3: with s.a:  [cas a.cell.word]",
        f"    3  {room}9: s.n.store(1)  [sets n]",
        "    4  (scheduler)",
    ]
    assert table.splitlines()[0].split() == ["step", "core0", "core1"]


def test_a_long_schedule_is_cut_in_the_middle():
    steps = [Step(n % 2, 3, "cas", "a") for n in range(3 * MOST_ROWS)]
    lines = draw(transcript_of(*steps), ["core0", "core1"]).splitlines()
    assert len(lines) == MOST_ROWS + 2
    assert f"... {2 * MOST_ROWS} rows ..." in lines[MOST_ROWS // 2 + 1]


def test_long_lines_are_cut():
    transcript = SimpleNamespace(steps=[Step(0, 3, "sets", "flag")], source=lambda _: "x" * 200)
    row = draw(transcript, ["core0"]).splitlines()[1]
    assert len(row) < 80
    assert row.endswith("~  [sets flag]")
