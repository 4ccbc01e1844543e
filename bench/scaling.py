"""A second core: one copy of a routine on one core, two copies on two, here and natively.

Each copy warms up first, so that no region is compiled beside what is measured, and times itself.
The gain of a second core is the rounds a cycle of both copies over those of one alone; two cores
share caches and memory natively too, so the gain is held against the native one of the same run.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean
from typing import Final

from bench.core import ROUTINES, WARM_CYCLES, build
from bench.harness import BenchError, Figure, medians, mpkernel, run

#: Integers, branches that cannot be foreseen, floating point.
_ROUTINES: Final = ("crc", "quicksort", "matrix")
#: Rounds are as many times those of bench.core, so that both copies run side by side for long.
_MORE: Final = {"native": 20, "machine": 10}


def _rounds_a_cycle(text: str, rounds: int, copies: int) -> float:
    """What all copies together did."""
    cycles = [int(found) for found in re.findall(r"^(\d+) \d+$", text, re.MULTILINE)]
    if len(cycles) != copies:
        raise BenchError(f"{len(cycles)} of {copies} copies have answered")
    return sum(rounds / one for one in cycles)


def _measures(program: Path, routine: str) -> dict[str, Callable[[], float]]:
    def measure(engine: str, copies: int) -> float:
        rounds = ROUTINES[routine] * _MORE[engine]
        index = list(ROUTINES).index(routine)
        words = [str(n) for n in (index, rounds, WARM_CYCLES, copies)]
        if engine == "native":
            host_cpus = ",".join(str(cpu) for cpu in range(copies))
            text = run("taskset", "-c", host_cpus, program, *words)
        else:
            text = mpkernel("run", "--cpus", str(copies), program, *words)
        return _rounds_a_cycle(text, rounds, copies)

    return {
        f"{engine} {copies}": lambda engine=engine, copies=copies: measure(engine, copies)  # type: ignore[misc]
        for copies in (1, 2)
        for engine in ("machine", "native")
    }


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    gains, native_gains = [], []
    with tempfile.TemporaryDirectory() as name:
        program = build(Path(name))
        for routine in _ROUTINES:
            found = medians(_measures(program, routine), repeats)
            gains.append(found["machine 2"] / found["machine 1"])
            native_gains.append(found["native 2"] / found["native 1"])
    gain, native_gain = geometric_mean(gains), geometric_mean(native_gains)
    each = ", ".join(
        f"{routine} {one:.2f} of {native:.2f}"
        for routine, one, native in zip(_ROUTINES, gains, native_gains, strict=True)
    )
    return [
        Figure("scaling", "time on 2 cores, of that on 1", 1 / gain, "", 0.6),
        Figure(
            "scaling",
            "gain of a second core, native = 1",
            gain / native_gain,
            "",
            0.95,
            is_least=True,
            note=each,
        ),
    ]
