"""Two busy processes on one core and on two: the time for the same work, here and natively."""

from typing import Final

from bench.harness import Figure, medians, mpkernel, number, run
from guests import build

SECONDS: Final = 3


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    spin = build.programs() / "spin"

    def loops(cpus: int) -> float:
        text = mpkernel("run", "--cpus", str(cpus), spin, "2", str(SECONDS))
        return number(r"all: (\d+) loops", text)

    def native(cpus: str) -> float:
        text = run("taskset", "-c", cpus, spin, "2", str(SECONDS))
        return number(r"all: (\d+) loops", text)

    found = medians(
        {
            "1": lambda: loops(1),
            "2": lambda: loops(2),
            "native 1": lambda: native("0"),
            "native 2": lambda: native("0,1"),
        },
        repeats,
    )
    gain, native_gain = found["2"] / found["1"], found["native 2"] / found["native 1"]
    return [
        Figure("scaling", "loops a second, 1 core", found["1"] / SECONDS / 1e6, "million"),
        Figure("scaling", "loops a second, 2 cores", found["2"] / SECONDS / 1e6, "million"),
        Figure("scaling", "time on 2 cores, of that on 1", found["1"] / found["2"], "", 0.6),
        Figure(
            "scaling",
            "gain of a second core, native = 1",
            gain / native_gain,
            "",
            0.95,
            is_least=True,
            note=f"{gain:.2f} here, {native_gain:.2f} natively",
        ),
    ]
