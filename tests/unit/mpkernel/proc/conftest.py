"""Processes without user mode: tasks are coroutines, their memory and files are real."""

from collections.abc import Callable, Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hw.cpu.state import CORES, CpuState
from mpkernel.abi.mman import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE
from mpkernel.fs import mount
from mpkernel.mm import address_space
from mpkernel.mm.mmap import map_region
from mpkernel.proc import futex, process
from mpkernel.proc.process import TREE, Process
from mpkernel.sched.task import current
from mpkernel.trace import log
from tests.support.files import file_kernel
from tests.support.kernel_cpu import KernelCpu

#: Address of 16 KiB that every process of these tests may write.
SCRATCH = 0x10_0000

Body = Callable[[], Coroutine[Any, Any, Any]]


class Processes:
    """Makes processes and runs tasks in them."""

    def __init__(self, kernel: KernelCpu) -> None:
        self.kernel = kernel

    def make(self, parent: Process | None = None) -> Process:
        """A process with memory and one thread that never runs."""
        made = process.new_process(parent)
        task = process.new_task(made)
        with TREE.lock.irqsave():
            with made.lock:
                task.tid = process.allocate_pid_locked(task, made)
                process.attach_thread_locked(made, task)
            made.pid = task.tid
            process.link_locked(made, parent)
            if parent is None:
                made.group = made.session = made.pid
                TREE.init = TREE.init or made.phys
        space = address_space.create()
        made.address_space = task.address_space = space.phys
        flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
        rights = PROT_READ | PROT_WRITE
        self.kernel.run_one(map_region(space, SCRATCH, 4 * 4096, rights, flags, None))
        return made

    def run(self, where: Process, *bodies: Body) -> list[Any]:
        """Run tasks in a process until all have ended; their results."""

        async def inside(body: Body) -> Any:
            task = current()
            task.process, task.address_space = where.phys, where.address_space
            with TREE.lock.irqsave(), where.lock:
                task.tid = process.allocate_pid_locked(task, None)
                process.attach_thread_locked(where, task)
            try:
                return await body()
            finally:
                with TREE.lock.irqsave(), where.lock:
                    task.thread_node.remove()
                    where.thread_count -= 1
                    process.slot(task.tid).task = 0

        return self.kernel.run(*[inside(body) for body in bodies])


@pytest.fixture
def processes() -> Iterator[Processes]:
    """A kernel CPU with an empty tmpfs as its root and no process yet."""
    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        process.init()
        futex.init()
        yield Processes(kernel)


@pytest.fixture
def core(processes: Processes) -> CpuState:
    """User registers, as the tasks of the test find them."""
    log.init(log.ERROR)
    processes.kernel.cpu.core = SimpleNamespace(state=CORES[0])  # type: ignore[assignment]
    return CORES[0]
