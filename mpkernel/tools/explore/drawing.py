"""A schedule as a table: a column for each core, time downwards.

State: none. Context: mpkernel.tools.explore.
"""

from itertools import groupby
from typing import Final

from mpkernel.tools.explore.transcript import Step, Transcript

#: Columns are as wide as they need to be, up to this.
MOST_WIDTH: Final = 56
#: Rows of the middle of a long schedule that are left out beyond this.
MOST_ROWS: Final = 120


def draw(transcript: Transcript, names: list[str]) -> str:
    """The table: one row for the steps that a core makes at one line."""
    rows: list[tuple[int, int, str]] = []
    number = 1
    for (strand, line), run in groupby(transcript.steps, key=lambda step: (step.strand, step.line)):
        steps = list(run)
        rows.append((number, strand, _cell(transcript, line, steps)))
        number += len(steps)
    columns = sorted({strand for _, strand, _ in rows})
    width = {
        column: max(len(names[column]), *(len(text) for _, who, text in rows if who == column))
        for column in columns
    }
    lines = ["  ".join([" step", *(names[column].ljust(width[column]) for column in columns)])]
    for number, who, text in _shortened(rows):
        cells = [(text if column == who else "").ljust(width[column]) for column in columns]
        lines.append("  ".join([f"{number:5}" if number else "     ", *cells]))
    return "\n".join(line.rstrip() for line in lines)


def _cell(transcript: Transcript, line: int, steps: list[Step]) -> str:
    """Line, source, and the last thing done there to what the scenario names."""
    source = transcript.source(line)
    text = f"{line}: {source}" if line else source
    named = [step for step in steps if not step.what.startswith("(")]
    done = f"  [{named[-1].verb} {named[-1].what}]" if named else ""
    room = MOST_WIDTH - len(done)
    if len(text) > room:
        text = text[: max(room - 1, 8)] + "~"
    return text + done


def _shortened(rows: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    if len(rows) <= MOST_ROWS:
        return rows
    half = MOST_ROWS // 2
    left_out = len(rows) - 2 * half
    return [*rows[:half], (0, rows[half][1], f"... {left_out} rows ..."), *rows[-half:]]
