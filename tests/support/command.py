"""Runs the command ``mpkernel`` as a user does, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.support.source_tree import ROOT

SECONDS = 100


def command(*arguments: str | Path) -> list[str]:
    """Words that start ``mpkernel`` with these arguments."""
    return [sys.executable, "-m", "mpkernel", *map(str, arguments)]


def mpkernel(
    *arguments: str | Path, stdin: bytes = b"", seconds: float = SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, input=stdin, capture_output=True, timeout=seconds,
        check=False,
    )  # fmt: skip


def boot(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run shell commands on a machine's console."""
    return mpkernel("boot", *arguments, stdin=script.encode())


def start(
    *arguments: str | Path, stdin: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Start it and leave it running; the caller waits for it."""
    return subprocess.Popen(
        command(*arguments), cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def processes_of(launcher: int) -> list[int]:
    """Processes that a launcher has forked."""
    text = Path(f"/proc/{launcher}/task/{launcher}/children").read_text()
    return [int(word) for word in text.split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def queue_names() -> Sequence[str]:
    """Names of message queues that machines could have left."""
    folder = Path("/dev/mqueue")
    names = os.listdir(folder) if folder.is_dir() else []
    return [name for name in names if name.startswith("mpkernel")]
