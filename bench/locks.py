"""What a spinlock costs that nobody else wants, and what the lock validator costs a program.

The programs do nothing but system calls: one without locks, and two that wake each other, whose
every round takes the locks of pipes, wait queues and the run queue.
"""

import time
from typing import Final

from bench.harness import Figure, medians, mpkernel, number
from bench.syscall import EACH
from guests import build
from hw import ram
from hw.board import power_on
from hw.irq.local_apic import LOCAL_APICS
from hw.machine_config import MachineConfig
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.spinlock import Spinlock

ROUNDS: Final = 20_000
CALLS: Final = 100_000
TRIPS: Final = 2_000
_SCRATCH: Final = 8 << 20


def pair(*, lockdep: bool) -> float:
    """Microseconds of CPU time to take and give back a spinlock."""
    config = MachineConfig(cpus=1, ram_bytes=32 << 20)
    files = ram.create(config.ram_bytes)
    try:
        power_on(config, ())
        this = Cpu(0, None, LOCAL_APICS[0])
        use_cpu(this)
        lock = Spinlock.at(_SCRATCH)
        lock.init(ranks.SLAB)
        this.lockdep = Lockdep(this) if lockdep else None
        acquire, release = lock.acquire, lock.release
        begun = time.process_time()
        for _ in range(ROUNDS):
            acquire()
            release()
        return (time.process_time() - begun) / ROUNDS * 1e6
    finally:
        use_cpu(Cpu(0))
        ram.close(files)


def program(name: str, count: int, lockdep: str) -> float:
    """Microseconds that a program says each of its rounds takes."""
    path = build.programs() / name
    words = ("run", "--cpus", "1", "--lockdep", lockdep, path, str(count))
    return number(EACH, mpkernel(*words))


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    found = medians(
        {
            "off": lambda: pair(lockdep=False),
            "on": lambda: pair(lockdep=True),
            "calls off": lambda: program("nullcall", CALLS, "off"),
            "calls on": lambda: program("nullcall", CALLS, "on"),
            "pipe off": lambda: program("pingpong", TRIPS, "off"),
            "pipe on": lambda: program("pingpong", TRIPS, "on"),
        },
        repeats,
    )
    calls, pipe = (found[f"{name} on"] / found[f"{name} off"] for name in ("calls", "pipe"))
    return [
        Figure("spinlock", "taken and given back", found["off"], "us", 2),
        Figure("spinlock", "the same with lockdep", found["on"], "us", 6),
        Figure("lockdep", "getppid with it / without", calls, "times", 1.4),
        Figure("lockdep", "a byte through pipes to and fro, with / without", pipe, "times", 1.4),
    ]
