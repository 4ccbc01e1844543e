"""A system call that does nothing, and a byte to and fro between two processes."""

from typing import Final

from bench.harness import Figure, medians, mpkernel, number, run
from guests import build

CALLS: Final = 100_000
ROUNDS: Final = 2_000
EACH: Final = r"([\d.]+) us each"


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    folder = build.programs()

    def null_call() -> float:
        return number(EACH, mpkernel("run", "--cpus", "1", folder / "nullcall", str(CALLS)))

    def null_call_of_host() -> float:
        return number(EACH, run(folder / "nullcall", str(CALLS)))

    def round_trip(cpus: int) -> float:
        return number(EACH, mpkernel("run", "--cpus", str(cpus), folder / "pingpong", str(ROUNDS)))

    found = medians(
        {
            "null": null_call,
            "host": null_call_of_host,
            "pipe 1": lambda: round_trip(1),
            "pipe 2": lambda: round_trip(2),
        },
        repeats,
    )
    return [
        Figure("system call", "getppid", found["null"], "us", 12, note="1 core"),
        Figure("system call", "getppid, host", found["host"], "us"),
        Figure("pipe", "round trip of two processes, 1 core", found["pipe 1"], "us"),
        Figure("pipe", "round trip of two processes, 2 cores", found["pipe 2"], "us"),
    ]
