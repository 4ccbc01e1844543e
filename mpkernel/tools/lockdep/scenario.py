"""Scenarios: what Linux's lock validator is itself tested with, as a table of steps and verdicts.

    spin.lock(A); hardirq.enter; rw-read.lock(B); ...; hardirq.exit     REPORT

Steps are parsed into a tree: what stands between enter and exit of a context runs inside it.

Spec: Linux, lib/locking-selftest.c (facts, not text). State: none. Context: any.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TABLE: Final = Path(__file__).with_name("scenarios.tsv")
_STEP: Final = re.compile(r"([\w-]+)\.(\w+)(?:\((\S+?)(?: \[same class\])?\))?$")
_NESTED: Final = re.compile(r"spin (\S+)->(\S+) nested")
_ALL_OF: Final = re.compile(r"all of (\w+); then ")
_INSIDE: Final = re.compile(r"enter context (\w+); then acquire (\w+) inside it")


@dataclass(frozen=True)
class Step:
    """One operation: of a lock of a kind, or of a context."""

    subject: str  #: spin, rw-read, mutex, hardirq ...
    verb: str  #: lock, unlock, init, enter, disable, enable
    lock: str = ""  #: its name
    inside: "tuple[Step, ...]" = ()  #: of ``enter``: what happens in the context


@dataclass(frozen=True)
class Scenario:
    """One line of the table."""

    number: int
    group: str
    case: str
    text: str
    is_reported: bool
    steps: tuple[Step, ...] = field(default=())  #: empty: the case is no plain sequence

    @property
    def context_pair(self) -> tuple[str, str] | None:
        """Of group 10: the context entered, and what is acquired in it."""
        match = _INSIDE.match(self.text)
        return (match[1], match[2]) if match else None


def class_name(lock: str) -> str:
    """Class of a lock: X1 and X2 are two of class X."""
    return lock.rstrip("0123456789")


def parse(text: str) -> tuple[Step, ...]:
    """Return the steps of a sequence; empty if it is none."""
    steps = []
    for word in _NESTED.sub(_unfold, text).split(";"):
        plain = re.sub(r" \[(irqs|hardirqs) on\]", "", word).strip()
        match = _STEP.fullmatch(plain)
        if match is None:
            return ()
        steps.append(Step(match[1], match[2], match[3] or ""))
    return tuple(_nest(iter(steps)))


def _unfold(match: re.Match[str]) -> str:
    one, two = match[1], match[2]
    return f"spin.lock({one}); spin.lock({two}); spin.unlock({two}); spin.unlock({one})"


def _nest(steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        if step.verb == "exit":
            return
        yield (
            Step(step.subject, "enter", inside=tuple(_nest(steps)))
            if step.verb == "enter"
            else step
        )


def load() -> tuple[Scenario, ...]:
    """All lines of the table."""
    found: list[Scenario] = []
    for line in _TABLE.read_text().splitlines()[1:]:
        number, group, _, case, text, verdict = line.split("\t")
        sequence = _ALL_OF.sub(lambda match: f"{_text_of(found, match[1])}; ", text)
        steps = parse(sequence)
        found.append(Scenario(int(number), group, case, text, verdict == "REPORT", steps))
    return tuple(found)


def _text_of(scenarios: Sequence[Scenario], case: str) -> str:
    return next(one.text for one in scenarios if one.case == case)
