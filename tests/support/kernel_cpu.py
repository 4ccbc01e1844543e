"""One CPU of the kernel in the test's own process: tasks are coroutines, run until all are done.

State: maps a machine's memory into this process; one at a time.
"""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from hw.machine_config import MachineConfig
from hw.spec.memory_map import KERNEL_DATA_BASE, KERNEL_DATA_SIZE, MIB
from mpkernel.abi.errno import SysError
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.mm import frames, slab
from mpkernel.sched import run_queue, timer
from mpkernel.sched.run_queue import RUN_QUEUES, dequeue_locked, first_locked
from mpkernel.sched.task import TASK_READY, TASK_RUNNING, Task
from mpkernel.sync.lockdep.hooks import Lockdep
from tests.support.board import powered_board

TASKS = slab.SlabCache("test_task", Task.SIZE)


class KernelCpu:
    """CPU 0, with tasks that the test supplies."""

    def __init__(self) -> None:
        self.cpu = Cpu(0)
        use_cpu(self.cpu)
        self.cpu.lockdep = self.watch = Lockdep(self.cpu)
        run_queue.init(0)
        timer.init(0)
        self.address_space = 0

    def run(self, *bodies: Coroutine[Any, Any, Any]) -> list[Any]:
        """Run tasks by turns until all have ended; their results. Fails if all sleep."""
        tasks = [self._new_task() for _ in bodies]
        coroutines = {task.phys: body for task, body in zip(tasks, bodies, strict=True)}
        results: dict[int, Any] = {}
        queue = RUN_QUEUES.of(0)
        for task in tasks:
            run_queue.enqueue_locked(queue, task)
        while coroutines:
            with queue.lock.irqsave():
                task = first_locked(queue)
                assert task is not None, f"{len(coroutines)} tasks sleep for ever"
                dequeue_locked(queue, task)
            task.state = TASK_RUNNING
            self.cpu.area.current = task.phys
            self.watch.task_enter(task.phys)
            try:
                coroutines[task.phys].send(None)
            except StopIteration as stop:
                results[task.phys] = stop.value
                del coroutines[task.phys]
            except BaseException:
                for left in coroutines.values():
                    left.close()
                raise
            finally:
                self.cpu.area.current = 0
                self.watch.task_leave(task.phys)
        for task in tasks:
            TASKS.free(task.phys)
        return [results[task.phys] for task in tasks]

    def run_one(self, body: Coroutine[Any, Any, Any]) -> Any:
        """Run one task; its result."""
        return self.run(body)[0]

    def _new_task(self) -> Task:
        task = Task.at(TASKS.alloc())
        task.state = TASK_READY
        task.in_kernel = 1
        task.address_space = self.address_space
        return task


def take_all() -> list[int]:
    """All frames that are free."""
    taken = []
    try:
        while True:
            taken.append(frames.alloc_frame())
    except SysError:
        return taken


@contextmanager
def kernel_cpu(ram_bytes: int = 32 * MIB, cpus: int = 2) -> Iterator[KernelCpu]:
    """A machine without processes whose memory the kernel manages."""
    with powered_board(MachineConfig(cpus=cpus, ram_bytes=ram_bytes)):
        cpu = KernelCpu()
        frames.init([(KERNEL_DATA_BASE + KERNEL_DATA_SIZE, ram_bytes)])
        try:
            yield cpu
        finally:
            use_cpu(Cpu(0))
