"""What each process of the machine does right now, as a Python stack: asked for by a signal.

faulthandler answers it, so that a core tells where it is also inside native code, with interrupts
off or in an endless loop. Each process writes to a file of its own, of which the launcher reads
what is new.

    launcher: SIGUSR1 -> core: faulthandler writes its stack -> launcher: pread

State: board memory (the descriptors); the files. Locks: none.
Context: ``ask`` and ``read`` are the launcher's; ``write`` any process's, of its own file.
"""

import contextlib
import faulthandler
import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from hw import host, ram
from hw.irq.party import PARTIES
from hw.spec.layout import Layout, fixed, i32, layout
from hw.spec.memory_map import MAX_CPUS

_SIGNAL: Final = signal.SIGUSR1
#: A file longer than this begins anew.
_MOST_BYTES: Final = 1 << 16
#: Below these functions a stack says nothing of the machine's work.
_OUTERMOST: Final = ("kernel_entry", "run_core", "_run_devices")
_FRAME: Final = re.compile(r'  File "(.*?)", line (\d+) in (\S+)')
#: Before the names of our own files.
_ROOT: Final = f"{Path(__file__).resolve().parent.parent}/"


@layout(size=4)
class StackFile(Layout):
    """Where a party writes its stacks."""

    fd: Annotated[i32, fixed]  #: the same number in every process; 0: none


FILES: Final = ram.BOARD.place_array(StackFile, MAX_CPUS + 1)


def prepare(parties: Sequence[int]) -> list[int]:
    """Make the files, before the fork; ``close`` takes what this returns."""
    for party in parties:
        FILES[party].fd = host.memory_file(f"mpkernel-stack-{party}")
    return [FILES[party].fd for party in parties]


def close(files: Sequence[int]) -> None:
    """Close this process's descriptors."""
    for fd in files:
        os.close(fd)


def write_on_signal(party: int) -> None:
    """Answer ``ask`` from here on. For the party's own process."""
    faulthandler.register(_SIGNAL, file=FILES[party].fd, all_threads=False, chain=False)


def write(party: int, text: str) -> None:
    """Append lines to this party's file."""
    os.write(FILES[party].fd, text.encode("utf-8", "backslashreplace"))


def short_name(path: str) -> str:
    """Return the name of a source file, from the root of ours."""
    return path.removeprefix(_ROOT)


def end(party: int) -> int:
    """Return where the party's next words will begin."""
    fd = FILES[party].fd
    size = os.fstat(fd).st_size
    if size > _MOST_BYTES:
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        return 0
    return size


def read(party: int, start: int) -> str:
    """Return what the party wrote from ``start`` on."""
    fd = FILES[party].fd
    size = os.fstat(fd).st_size
    return os.pread(fd, max(size - start, 0), start).decode("utf-8", "replace")


def ask(parties: Sequence[int], patience_s: float = 0.25) -> dict[int, list[str]]:
    """Return the stacks of running parties, innermost call first; empty for one that is mute."""
    starts = {party: end(party) for party in parties if FILES[party].fd}
    for party in starts:
        with contextlib.suppress(ProcessLookupError):
            os.kill(PARTIES[party].pid, _SIGNAL)
    deadline = time.monotonic() + patience_s
    found: dict[int, list[str]] = {party: [] for party in parties}
    while time.monotonic() < deadline and not all(found[party] for party in starts):
        time.sleep(0.001)
        for party, start in starts.items():
            if not found[party]:
                found[party] = _whole_stack(read(party, start))
    return found


def _whole_stack(text: str) -> list[str]:
    """Calls of a stack as ``file:line function``; empty until it is written to its end."""
    calls: list[str] = []
    for match in _FRAME.finditer(text):
        path, line, function = match.groups()
        if function in _OUTERMOST:
            return calls
        calls.append(f"{short_name(path)}:{line} {function}")
    return []
