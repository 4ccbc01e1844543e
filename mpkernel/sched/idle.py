"""Nothing to run: look for work elsewhere, then halt until an interrupt.

A CPU that idles says so in IDLE, so that whoever queues more than one CPU can run wakes one of
them. No wake is lost between the last look and the halt: a sender sets the pending bit before it
looks whether the CPU sleeps, and the halt looks at the bit after it said that it sleeps.

State: RAM (IDLE). Locks: none held while halted. Context: the scheduler's loop.
"""

import gc
from typing import Final

from hw.spec.layout import Layout, layout
from mpkernel.arch import halt, interrupts, ipi, memory
from mpkernel.arch import timer as hardware_timer
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.sched import timer
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sync import rcu

#: Objects made since the last collection that make an idle CPU collect garbage.
_GARBAGE: Final = 20_000


@layout(size=8)
class IdleMask(Layout):
    """CPUs that idle and may be woken for work: a bit a CPU."""

    cpus: AtomicU64


IDLE: Final = memory.static(IdleMask)


def idle() -> None:
    """Halt until there may be something to run here. Interrupts are enabled."""
    this = cpu()
    if this.lockdep is not None:
        this.lockdep.nothing_held("in idle")
    bit = 1 << this.index
    queue = RUN_QUEUES.of(this.index)
    timer.set_tick(timer.NEVER)
    if gc.get_count()[0] > _GARBAGE:
        gc.collect()
    IDLE.cpus.or_(bit)
    interrupts.disable()
    rcu.idle_enter()
    if not queue.length and not this.area.need_resched:
        halt.halt_until(hardware_timer.deadline_tsc())
        hardware_timer.poll()
    rcu.idle_exit()
    IDLE.cpus.and_(~bit)
    this.area.need_resched = 0
    interrupts.enable()


def wake_idle_cpu(allowed: int) -> None:
    """Have one idle CPU of ``allowed`` (a bit a CPU) look for work to take over."""
    while mask := IDLE.cpus.value & allowed:
        bit = mask & -mask
        if IDLE.cpus.and_(~bit) & bit:
            ipi.send_reschedule(bit.bit_length() - 1)
            return
