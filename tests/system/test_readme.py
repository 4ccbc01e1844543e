"""The README's transcripts are true: its commands are run, what they print is compared."""

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 100


@dataclass
class Step:
    """A command of a transcript, and what it prints; ``...`` stands for anything."""

    command: str
    expected: str = ""


def transcripts(text: str) -> list[list[Step]]:
    """All ``console`` blocks of a document."""
    blocks = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        steps: list[Step] = []
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                steps.append(Step(line[2:].rstrip("\n")))
            else:
                steps[-1].expected += line
        blocks.append(steps)
    return blocks


def matches(expected: str, printed: str) -> bool:
    return doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)


BLOCKS = transcripts((ROOT / "README.md").read_text())


def test_the_readme_has_transcripts():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("steps", BLOCKS, ids=lambda steps: steps[-1].command[:30])
def test_a_transcript_is_true(steps: list[Step], tmp_path: Path):
    work, commands = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    commands.mkdir()
    for name, arguments in (("mpkernel", "-m mpkernel"), ("python3", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (commands / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    script = "".join(f"{step.command}\necho '=step='\n" for step in steps)
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=work, env=environment, check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
    )  # fmt: skip
    parts = done.stdout.split("=step=\n")
    for step, printed in zip(steps, parts, strict=False):
        assert matches(step.expected, printed), f"$ {step.command}\n{printed}"
    assert len(parts) == len(steps) + 1


def test_what_differs_is_found():
    assert matches("a\n...\nc\n", "a\nb\nc\n")
    assert not matches("a\n", "b\n")
    assert not matches("a\n", "a\nb\n")
