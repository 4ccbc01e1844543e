"""The other CPUs: started one by one with INIT and STARTUP, waited for together.

A CPU that does not come online in time is named and left out; the machine goes on without it.

State: the board's core states. Locks: none. Context: boot; the CPU itself.
"""

from typing import Final, NoReturn

from mpkernel.arch import interrupts, ipi, topology
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.boot.cpu_start import start_cpu
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.switch import run_cpu
from mpkernel.sched.timer import now_ns
from mpkernel.trace import log

#: How long a core may take from STARTUP to online.
ONLINE_DEADLINE_NS: Final = 10_000_000_000


def start_others() -> None:
    """Start all other cores and wait until they are online, or the deadline."""
    count = topology.cpu_count()
    for index in range(1, count):
        ipi.start_core(index)
    deadline = now_ns() + ONLINE_DEADLINE_NS
    turn = 0
    while now_ns() < deadline and not all(map(topology.is_online, range(count))):
        relax(turn)
        turn += 1
    for index in range(count):
        if not topology.is_online(index):
            log.error(f"core {index} is {topology.state_name(index)}, not online: left out")
    log.info(f"{sum(map(topology.is_online, range(count)))} of {count} cores are online")


def come_online() -> None:
    """Say that this CPU takes tasks and interrupts."""
    index = cpu().index
    RUN_QUEUES.of(index).is_online = 1
    topology.came_online(index)


def run_secondary(index: int, *, lockdep: bool) -> NoReturn:
    """Be a CPU other than the first: nothing to set up for others, so run tasks."""
    start_cpu(index, lockdep=lockdep)
    come_online()
    interrupts.enable()
    run_cpu()
