"""How figures are taken and shown: medians of interleaved repeats, as a table and as JSON.

Repeats of what is compared alternate, so that a busy moment of the host falls on all alike. A goal
is printed beside its figure and judged, but nothing fails: a figure of a shared host is no verdict.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[1]
SECONDS: Final = 300


@dataclass(frozen=True)
class Figure:
    """One measured number. ``goal`` is the most it should be, or the least if ``is_least``."""

    subject: str
    what: str
    value: float
    unit: str
    goal: float | None = None
    is_least: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.is_least else self.value <= self.goal


class BenchError(Exception):
    """A figure cannot be taken; the text says why."""


def medians(measures: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Take each measure ``repeats`` times, in turns; return its median."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def mpkernel(*arguments: str | Path, stdin: bytes = b"") -> str:
    """Run the command line; return what it printed.

    Raises:
        BenchError: it failed.
    """
    return run(sys.executable, "-m", "mpkernel", *arguments, stdin=stdin)


def run(*words: str | Path, stdin: bytes = b"") -> str:
    """Run a command; return what it printed.

    Raises:
        BenchError: it failed.
    """
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command, cwd=ROOT, input=stdin, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command)}: no end after {SECONDS} s") from None
    if done.returncode:
        errors = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
        raise BenchError(f"{' '.join(command)}: status {done.returncode}: {errors[-1]}")
    return done.stdout.decode()


def number(pattern: str, text: str) -> float:
    """Return the number that a pattern's group finds in a program's output.

    Raises:
        BenchError: it is not there.
    """
    match = re.search(pattern, text)
    if match is None:
        raise BenchError(f"no {pattern!r} in {text[:80]!r}")
    return float(match[1])


def show(figures: list[Figure], console: Console) -> None:
    """Print the table."""
    table = Table(title="mpkernel, measured", title_justify="left")
    for column in ("subject", "what", "value", "goal", "note"):
        table.add_column(column, justify="right" if column in ("value", "goal") else "left")
    for figure in figures:
        table.add_row(
            figure.subject, figure.what, f"{figure.value:.4g} {figure.unit}", _goal(figure),
            figure.note,
        )  # fmt: skip
    console.print(table)


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    sign = "at least" if figure.is_least else "at most"
    return f"{'[green]' if figure.is_met else '[red]'}{sign} {figure.goal:g}"


def to_json(figures: list[Figure]) -> str:
    """All figures, and the host they were taken on."""
    host = {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
    }
    rows = [asdict(figure) | {"is_met": figure.is_met} for figure in figures]
    return json.dumps({"host": host, "figures": rows}, indent=1)
