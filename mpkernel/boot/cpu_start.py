"""A CPU comes up: its private objects, its local APIC, its timer, its run queue.

State: Cpu, and this CPU's part of the per-CPU variables. Locks: none.
Context: the CPU itself, first thing; interrupts off.
"""

from hw.cpu.core import Core
from hw.irq.local_apic import LOCAL_APICS
from mpkernel.arch import ipi
from mpkernel.arch import timer as hardware_timer
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.irq import deferred, dispatch
from mpkernel.sched import run_queue, timer
from mpkernel.sync.lockdep.hooks import Lockdep


def start_cpu(index: int, *, lockdep: bool = True) -> Cpu:
    """Make this process CPU ``index``; interrupts are off, nothing is scheduled yet.

    ``lockdep``: whether the validator watches its locks; all CPUs alike.
    """
    cpu = Cpu(index, Core(index), LOCAL_APICS[index])
    use_cpu(cpu)
    area = cpu.area
    area.irqs_off = 1
    area.preempt_count = area.irq_depth = area.need_resched = area.current = 0
    cpu.lockdep = Lockdep(cpu) if lockdep else None
    cpu.interrupt_handler = dispatch.handle
    cpu.after_interrupts = deferred.after_interrupts
    run_queue.init(index)
    timer.init(index)
    ipi.init()
    hardware_timer.init()
    return cpu
