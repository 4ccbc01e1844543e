"""TLB shootdown of an address space with two threads, on 2, 4 and 8 cores.

A pair is two calls of mprotect: one takes a right away, which needs the shootdown, one gives it
back.
"""

from functools import partial
from typing import Final

from bench.harness import Figure, medians, mpkernel, number
from guests import build

ROUNDS: Final = 1_000
CORES: Final = (2, 4, 8)


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    threads = build.programs() / "threads"

    def pair(cpus: int) -> float:
        text = mpkernel("run", "--cpus", str(cpus), threads, "shootdown", str(ROUNDS))
        return number(r"([\d.]+) us each", text)

    found = medians({str(cpus): partial(pair, cpus) for cpus in CORES}, repeats)
    return [
        Figure("tlb", f"pair of mprotect, 2 threads, {cpus} cores", found[str(cpus)], "us")
        for cpus in CORES
    ]
