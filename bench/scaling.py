"""Two busy processes on one core and on two: the time for the same work."""

from typing import Final

from bench.harness import Figure, medians, mpkernel, number
from guests import build

SECONDS: Final = 3


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    spin = build.programs() / "spin"

    def loops(cpus: int) -> float:
        text = mpkernel("run", "--cpus", str(cpus), spin, "2", str(SECONDS))
        return number(r"all: (\d+) loops", text)

    found = medians({"1": lambda: loops(1), "2": lambda: loops(2)}, repeats)
    return [
        Figure("scaling", "loops a second, 1 core", found["1"] / SECONDS / 1e6, "million"),
        Figure("scaling", "loops a second, 2 cores", found["2"] / SECONDS / 1e6, "million"),
        Figure("scaling", "time on 2 cores, of that on 1", found["1"] / found["2"], "", 0.6),
    ]
