"""The same ELF in the machine, in Unicorn and on the host: ``primes N``.

Starting is taken out of all three: what is compared is the time for a large N less that for a small
one.
"""

import sys
import time
from pathlib import Path
from typing import Final

from bench.harness import Figure, medians, mpkernel, number, run
from guests import build

LARGE: Final = 20_000_000
SMALL: Final = 1_000
#: Prints nothing to speak of, so that instructions are what takes the time.
SCRIPT: Final = "primes {} > /dev/null"


def _timed(*words: str | Path) -> float:
    began = time.perf_counter()
    mpkernel(*words)
    return time.perf_counter() - began


def _in_machine(limit: int) -> float:
    return _timed("boot", "--cpus", "1", "--cmdline", SCRIPT.format(limit))


def _in_unicorn(program: Path, limit: int) -> float:
    return number(
        r"([\d.]+) s", run(sys.executable, "-m", "bench.unicorn_linux", program, str(limit))
    )


def _on_host(program: Path, limit: int) -> float:
    began = time.perf_counter()
    run("/bin/sh", "-c", f"exec {program} {limit} > /dev/null")
    return time.perf_counter() - began


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    program = build.programs() / "primes"
    found = medians(
        {
            "machine": lambda: _in_machine(LARGE) - _in_machine(SMALL),
            "unicorn": lambda: _in_unicorn(program, LARGE) - _in_unicorn(program, SMALL),
            "host": lambda: _on_host(program, LARGE) - _on_host(program, SMALL),
        },
        repeats,
    )
    faster = found["unicorn"] / found["machine"]
    slower = found["machine"] / found["host"]
    what = f"primes {LARGE}"
    return [
        Figure("instructions", f"{what}, machine", found["machine"], "s"),
        Figure("instructions", f"{what}, Unicorn", found["unicorn"], "s"),
        Figure("instructions", f"{what}, host", found["host"], "s"),
        Figure("instructions", "times as fast as Unicorn", faster, "", 2.5, is_least=True),
        Figure("instructions", "times as slow as the host", slower, ""),
    ]
