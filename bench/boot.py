"""From the command to a shell that answers; then what the machine costs while nothing happens.

Memory is the proportional set size of all its processes: a page that k of them share counts as 1/k
in each, so the sum counts it once.
"""

import subprocess
import sys
import time
from pathlib import Path

from bench.harness import ROOT, BenchError, Figure, medians

IDLE_SECONDS = 4.0


class Machine:
    """A machine with a shell that has answered."""

    def __init__(self, cpus: int) -> None:
        began = time.perf_counter()
        self._launcher = subprocess.Popen(
            [sys.executable, "-m", "mpkernel", "boot", "--cpus", str(cpus)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(b"echo ready\n")
        self._launcher.stdin.flush()
        line = self._launcher.stdout.readline()
        self.seconds = time.perf_counter() - began
        if line != b"ready\n":
            self.end()
            raise BenchError(f"a machine of {cpus} cores did not come to its prompt")

    def processes(self) -> list[int]:
        """All its processes, the launcher included."""
        pid = self._launcher.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def host_seconds(self) -> float:
        """Time of a host CPU that it has used."""
        return (
            sum(
                int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
                for pid in self.processes()
            )
            / 1e9
        )

    def resident_mib(self) -> float:
        """Memory that it occupies, shared pages counted once."""
        total = 0
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def end(self) -> None:
        """Leave the shell, and wait."""
        try:
            self._launcher.communicate(b"exit\n", timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._launcher.kill()
            self._launcher.communicate()


def seconds_to_prompt(cpus: int) -> float:
    """Time from the command to the shell's first answer."""
    machine = Machine(cpus)
    machine.end()
    return machine.seconds


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    seconds_to_prompt(1)  # warms the caches: what is compiled once
    found = medians({"1": lambda: seconds_to_prompt(1), "8": lambda: seconds_to_prompt(8)}, repeats)
    machine = Machine(8)
    try:
        time.sleep(1)
        used, began = machine.host_seconds(), time.perf_counter()
        time.sleep(IDLE_SECONDS)
        share = (machine.host_seconds() - used) / (time.perf_counter() - began)
        resident = machine.resident_mib()
    finally:
        machine.end()
    return [
        Figure("boot", "command to prompt, 1 core", found["1"], "s", 0.8),
        Figure("boot", "command to prompt, 8 cores", found["8"], "s", 2.5),
        Figure("idle", "8 cores, share of one host CPU", 100 * share, "%", 5),
        Figure("memory", "8 cores, at the prompt", resident, "MiB", 300, note="PSS of all"),
    ]
