"""What a stress trial does, and what came of it: values that travel between processes as JSON.

State: none. Context: any.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

#: What each workload runs, several at once: a program of the guest, or a word for the kernel.
PROGRAMS: Final[dict[str, tuple[str, ...]]] = {
    "sched": ("spin 3 1", "pingpong 200"),
    "tlb": ("threads replace 40", "threads counter 20000", "threads protect 1"),
    "fork": ("forktest 20",),
    "pipe": ("sh -c primes&500|wc", "pingpong 100"),
}
KERNEL_WORK: Final[dict[str, tuple[str, ...]]] = {
    "locks": ("spinning", "sleeping", "spinning"),
    "ipi": ("calls", "calls"),
    "disk": ("sectors", "sectors"),
    "irq": ("interrupts", "spinning"),
}
#: Each round of a job takes the next seed.
_SEEDS_A_JOB: Final = 10_000
WORKLOADS: Final = ("locks", "sched", "ipi", "tlb", "fork", "pipe", "disk", "irq")
INJECTIONS: Final = ("delays", "spurious", "ipi-storm", "kill-core")


@dataclass(frozen=True)
class Plan:
    """One trial."""

    seed: int = 0
    cpus: int = 4
    duration_s: float = 10.0
    workloads: tuple[str, ...] = WORKLOADS
    inject: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "Plan":
        """Return what ``encode`` was given."""
        words: dict[str, Any] = json.loads(text)
        words["workloads"] = tuple(words["workloads"])
        words["inject"] = tuple(words["inject"])
        return cls(**words)

    def script(self) -> str:
        """Return what the machine's shell runs: all workloads at once, then the last check."""
        seconds = max(int(self.duration_s), 1)
        jobs: list[str] = []
        for workload in self.workloads:
            for word in KERNEL_WORK.get(workload, ()):
                first = (self.seed * 100 + len(jobs)) * _SEEDS_A_JOB
                jobs.append(f"stress {seconds} do {first} {word}")
            for program in PROGRAMS.get(workload, ()):
                words = [one.replace("&", " ") for one in program.split()]
                quoted = " ".join(f"'{one}'" if " " in one or "|" in one else one for one in words)
                jobs.append(f"stress {seconds} run {quoted}")
        started = "\n".join(f"{job} & p{place}=$!" for place, job in enumerate(jobs))
        awaited = "\n".join(f"wait $p{place} || bad=1" for place in range(len(jobs)))
        last = "echo check 0 > /dev/debug || bad=1\nexit $bad"
        return f"bad=0\n{started}\n{awaited}\n{last}\n"


@dataclass
class Result:
    """What came of a trial."""

    seed: int
    passed: bool = False
    status: int = -1
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)  #: why it did not pass
    counts: dict[str, int] = field(default_factory=dict)  #: work done, looks taken
    longest_ms: dict[str, float] = field(default_factory=dict)  #: sections seen, over all CPUs

    def encode(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> "Result":
        """Return what ``encode`` was given."""
        return cls(**json.loads(text))
