"""A kernel without user mode: tasks that are coroutines, on CPUs that take turns in this process.

    with kernel(cpus=2) as k:
        k.spawn(0, sleeper()); k.spawn(1, waker()); k.run()

Everything but the core is real: locks, run queues, wakeups and interrupts are bytes in mapped RAM.

State: maps a machine into this process; one at a time.
"""

import random
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from hw.cpu.state import CORES
from hw.irq.local_apic import LOCAL_APICS
from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from mpkernel.arch import interrupts, ipi, memory, topology
from mpkernel.arch import timer as hardware_timer
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.arch.vectors import VECTOR_RESCHEDULE, VECTOR_TIMER
from mpkernel.sched import run_queue, switch, tick, timer
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import TASK_DEAD, Task, set_name
from mpkernel.sched.task_end import TASK_END
from mpkernel.sched.wakeup import start
from mpkernel.sync import rcu
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.trace import log
from tests.support.board import powered_board

#: Frames of tests' own objects: above the kernel's data.
SCRATCH = 8 * MIB


def _handle(vector: int) -> None:
    """What mpkernel.irq.dispatch does about the vectors that scheduling needs."""
    cpu = interrupts.cpu()
    if vector == VECTOR_TIMER:
        tick.timer_interrupt()
    elif vector == VECTOR_RESCHEDULE:
        ipi.count_taken(vector)
        cpu.area.need_resched = 1
    assert cpu.apic is not None
    cpu.apic.eoi()


class Kernel:
    """CPUs that take turns."""

    def __init__(self, cpus: int, seed: int) -> None:
        self.cpus = []
        self.results: list[Any] = []
        self._random = random.Random(seed)
        self._next_task = SCRATCH
        for index in range(cpus):
            cpu = Cpu(index, SimpleNamespace(state=CORES[index]), LOCAL_APICS[index])  # type: ignore[arg-type]
            use_cpu(cpu)
            cpu.interrupt_handler = _handle
            cpu.lockdep = Lockdep(cpu)
            area = cpu.area
            area.preempt_count = area.irq_depth = area.irqs_off = 0
            area.need_resched = area.current = 0
            run_queue.init(index)
            timer.init(index)
            ipi.init()
            hardware_timer.init()
            RUN_QUEUES.of(index).is_online = 1
            topology.came_online(index)
            self.cpus.append(cpu)
        self.use(0)

    def close(self) -> None:
        """End the tasks that still sleep, while their memory is there."""
        for cpu in self.cpus:
            use_cpu(cpu)
            cpu.lockdep = None  # what a task gives back now, it gives back as nobody
            for task_at, coroutine in list(cpu.coroutines.items()):
                cpu.area.current = task_at
                coroutine.close()
            cpu.coroutines.clear()

    def use(self, index: int) -> None:
        """Be CPU ``index`` from here on."""
        use_cpu(self.cpus[index])

    def scratch(self, size: int) -> int:
        """Physical address of zeroed bytes."""
        at = self._next_task
        self._next_task += -(-size // 64) * 64
        return at

    def new_task(self, name: str = "test") -> Task:
        """A task that no CPU knows yet."""
        task = Task.at(self.scratch(Task.SIZE))
        task.affinity = (1 << 64) - 1
        set_name(task, name)
        return task

    def spawn(self, index: int, coroutine: Coroutine[Any, Any, Any], name: str = "test") -> Task:
        """Start a kernel task on a CPU; what it returns is appended to ``results``."""

        async def body() -> None:
            self.results.append(await coroutine)
            raise TaskExit

        task = self.new_task(name)
        task.in_kernel = 1
        self.cpus[index].coroutines[task.phys] = body()
        start(task, index)
        return task

    def turn(self, index: int) -> bool:
        """One task of a CPU runs until it sleeps; False if there is none."""
        self.use(index)
        hardware_timer.poll()
        interrupts.safepoint()
        rcu.quiescent()
        task = switch._pick()
        if task is None:
            return False
        switch._run(task)
        return True

    def run(self) -> None:
        """Let the CPUs take turns, in an order drawn from the seed, until all tasks sleep."""
        while True:
            order = list(range(len(self.cpus)))
            self._random.shuffle(order)
            ran = [self.turn(index) for index in order]
            if not any(ran):
                break
        self.use(0)


@contextmanager
def kernel(cpus: int = 1, seed: int = 0) -> Iterator[Kernel]:
    """A fresh machine in this process and its CPUs; gone at the end."""
    ended: list[int] = []
    before = dict(TASK_END._entries)
    TASK_END._entries.clear()
    TASK_END.fill(lambda task: ended.append(task.state))
    with powered_board(MachineConfig(cpus=cpus, ram_bytes=32 * MIB)):
        log.init(log.ERROR)
        made = Kernel(cpus, seed)
        try:
            yield made
        finally:
            made.close()
            use_cpu(Cpu(0))
            TASK_END._entries.clear()
            TASK_END._entries.update(before)
    assert all(state == TASK_DEAD for state in ended)
    assert memory is not None
