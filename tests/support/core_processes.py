"""A kernel without user mode whose CPUs are processes: real atomics, real doorbells, real races.

    with core_processes(4) as k:
        counter = Word.at(k.scratch(8))
        run_cpus(k, lambda index: ...)              # each CPU runs a plain function
        run_tasks(k, [(0, one()), (1, other())])    # or kernel tasks, under the scheduler

State: maps a machine into this process, and forks.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hw import host
from hw.irq import doorbell
from hw.irq.party import HEADER, PARTIES
from mpkernel.arch import ipi
from mpkernel.arch.atomics import AtomicU64
from mpkernel.sched.idle import idle
from mpkernel.sched.task import Task
from tests.support.kernel import Kernel, kernel


@contextmanager
def core_processes(cpus: int, seed: int = 0) -> Iterator[Kernel]:
    """A machine in this process, ready to fork a process for each CPU."""
    with kernel(cpus, seed) as k:
        HEADER.launcher_pidfd = fd = host.own_pidfd()
        queues = []
        for index in range(cpus):
            queue = host.create_queue(index)
            queues.append(queue)
            PARTIES[index].doorbell_fd = queue.mqd
            doorbell.prepare(index)
        try:
            yield k
        finally:
            for queue in queues:
                queue.close()
            os.close(fd)


def run_cpus(k: Kernel, work: Callable[[int], None], *, timeout_s: float = 60) -> None:
    """Run ``work(index)`` on each CPU, each a process of its own; fail if one fails or hangs."""
    running = {_fork(k, index, work): index for index in range(len(k.cpus))}
    failed = []
    deadline = time.monotonic() + timeout_s
    while running and time.monotonic() < deadline:
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                index = running.pop(pid)
                failed += [index] if status else []
        time.sleep(0.001)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not failed, f"CPUs {failed} failed"
    assert not running, f"CPUs {sorted(running.values())} did not end within {timeout_s} s"


def run_tasks(
    k: Kernel,
    tasks: Iterable[tuple[int, Coroutine[Any, Any, Any]]],
    *,
    timeout_s: float = 60,
    started: Callable[[list[Task]], object] = len,
) -> None:
    """Run kernel tasks to their ends, each on the CPU named with it, under the scheduler.

    ``started`` is told of the tasks before the first of them runs.
    """
    left = AtomicU64.at(k.scratch(8))

    async def counted(task: Coroutine[Any, Any, Any]) -> None:
        await task
        if left.add(-1) == 1:
            # an interrupt, not a ring: idle looks at need_resched before it sleeps
            for index in range(len(k.cpus)):
                ipi.send_reschedule(index)

    never_run_here = []
    spawned = []
    for index, task in tasks:
        left.add(1)
        body = counted(task)
        never_run_here += [task, body]
        spawned.append(k.spawn(index, body))
    started(spawned)

    def cpu_loop(index: int) -> None:
        while left.load():
            if not k.turn(index):
                idle()

    try:
        run_cpus(k, cpu_loop, timeout_s=timeout_s)
    finally:
        for coroutine in never_run_here:
            coroutine.close()


def _fork(k: Kernel, index: int, work: Callable[[int], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        k.use(index)
        work(index)
        status = 0
    except BaseException:  # noqa: BLE001  a panic is one, too; the status says so
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
