"""How far cores come that all want one spinlock, with more of them than the host has CPUs.

Each core is a process of its own, pinned to no CPU: what is measured is how waiters and the host's
scheduler get on. A queue lock would stand still here whenever its next in turn is not running.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

from bench.harness import Figure, medians
from hw import host, ram
from hw.board import power_on
from hw.irq import doorbell
from hw.irq.local_apic import LOCAL_APICS
from hw.irq.party import HEADER, PARTIES
from hw.machine_config import MachineConfig
from mpkernel.arch import memory
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

SECONDS: Final = 1.0
_SCRATCH: Final = 8 << 20


@contextlib.contextmanager
def machine(cpus: int) -> Iterator[None]:
    """A board with doorbells, in this process."""
    config = MachineConfig(cpus=cpus, ram_bytes=32 << 20)
    files = ram.create(config.ram_bytes)
    queues = []
    try:
        power_on(config, ())
        HEADER.launcher_pidfd = host.own_pidfd()
        for index in range(cpus):
            queues.append(host.create_queue(index))
            PARTIES[index].doorbell_fd = queues[-1].mqd
            doorbell.prepare(index)
        yield
    finally:
        for queue in queues:
            queue.close()
        os.close(HEADER.launcher_pidfd)
        ram.close(files)


def sections_a_second(cpus: int, busy: int) -> float:
    """Critical sections of ``cpus`` lockers a second, with so many busy programs beside them."""
    with machine(cpus):
        lock = Spinlock.at(_SCRATCH)
        lock.init(ranks.FRAMES)
        counter = memory.words(_SCRATCH + 64, 1)
        pids = [_forked(-1) for _ in range(busy)]
        try:
            lockers = [_forked(index) for index in range(cpus)]
            for pid in lockers:
                os.waitpid(pid, 0)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        return counter[0] / SECONDS


def _forked(index: int) -> int:
    """Start core ``index``, or for -1 a program that wants no lock; its process."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if index < 0:
            while True:
                pass
        use_cpu(Cpu(index, None, LOCAL_APICS[index]))
        lock, counter = Spinlock.at(_SCRATCH), memory.words(_SCRATCH + 64, 1)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with lock.irqsave():
                counter[0] += 1
    finally:
        os._exit(0)


def measure(repeats: int) -> list[Figure]:
    """Take the figures."""
    found = medians(
        {
            "two": lambda: sections_a_second(2, 0),
            "eight": lambda: sections_a_second(8, 0),
            "beside": lambda: sections_a_second(4, 4),
        },
        repeats,
    )
    note = f"on {os.cpu_count()} CPUs of the host"
    return [
        Figure("contention", "sections of 2 cores", found["two"], "a second", note=note),
        Figure("contention", "2 cores / 8 cores", found["two"] / found["eight"], "times", 2),
        Figure(
            "contention", "2 cores / 4 beside 4 busy programs", found["two"] / found["beside"],
            "times", 3,
        ),
    ]  # fmt: skip
