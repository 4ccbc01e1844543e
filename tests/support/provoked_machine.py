"""A machine with a device that does what a kernel must never do, for the watcher to find.

    python -m tests.support.provoked_machine [--kill] CPUS COMMANDS

Each word written to /dev/debug is one of ``Provocations``, done in the kernel on the writer's CPU.
The status of the process is the machine's. The limits are shorter than a user's.

Context: a process of its own, without threads.
"""

import sys
from time import process_time_ns
from typing import Any

from guests.image import root_image
from hw.cpu import threaded
from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig
from hw.spec.apic import ICR_ASSERT
from hw.spec.layout import Layout, layout
from mpkernel.arch import interrupts, ipi, memory, remote_call
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.arch.timer import now_ns
from mpkernel.boot import wiring
from mpkernel.boot.parameters import BootParameters
from mpkernel.cli.findings import show_findings
from mpkernel.fs.char_device import CHAR_DEBUG, CHAR_DEVICES
from mpkernel.fs.memory_devices import NullDevice
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import preempt, ranks
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.detector.limits import Limits
from mpkernel.tools.detector.watcher import Watcher

STORM_VECTOR = 0xE0
NOTHING_CALL = 99
LOCKS = 3


@layout()
class State(Layout):
    """What the provocations share."""

    ready: AtomicU64  #: how many have their first lock
    word: AtomicU64
    is_made: AtomicU64


STATE = memory.static(State)
SPINLOCKS = memory.static_array(Spinlock, LOCKS)
MUTEXES = memory.static_array(Mutex, LOCKS)
QUEUE = memory.static(WaitQueue)


def make() -> None:
    """Give the locks their classes, once."""
    if STATE.is_made.cas(0, 1):
        while STATE.is_made.value != 2:
            relax(0)
        return
    for place, name in enumerate(("north", "east", "south")):
        SPINLOCKS[place].init(ranks.unranked(name))
        MUTEXES[place].init(ranks.unranked(f"{name} mutex"))
    QUEUE.init()
    STATE.is_made.store(2)


def meet(count: int) -> None:
    """Wait until so many have come here."""
    STATE.ready.add(1)
    turn = 0
    while STATE.ready.value < count:
        relax(turn)
        turn += 1


def busy(seconds: float) -> None:
    """Compute without a safepoint, for so long of CPU time."""
    end = process_time_ns() + int(seconds * 1e9)
    while process_time_ns() < end:
        pass


class Provocations(NullDevice):
    """/dev/debug."""

    async def write(self, data: bytes) -> int:
        """Do what each word says: name, or name:number."""
        make()
        for word in data.decode().split():
            name, _, number = word.partition(":")
            result: Any = getattr(self, name)(int(number or 0))
            if result is not None:
                await result
        return len(data)

    def ring(self, place: int, members: int = LOCKS) -> None:
        """Each CPU has a lock and wants its neighbour's."""
        with SPINLOCKS[place]:
            meet(members)
            with SPINLOCKS[(place + 1) % members]:
                pass

    def abba(self, place: int) -> None:
        """Two locks, two orders."""
        self.ring(place, 2)

    async def mutexes(self, place: int) -> None:
        """Two sleeping locks, two orders; no signal ends the waits."""
        async with MUTEXES[place]:
            STATE.ready.add(1)
            await QUEUE.wait_until(lambda: STATE.ready.value >= 2, deadline_ns=now_ns() + 10**8)
            async with MUTEXES[1 - place]:
                pass

    async def killable(self, place: int) -> None:
        """The same, but signals end the waits."""
        async with MUTEXES[place]:
            STATE.ready.add(1)
            await QUEUE.wait_until(lambda: STATE.ready.value >= 2, deadline_ns=now_ns() + 10**8)
            await MUTEXES[1 - place].acquire(interruptible=True)
            MUTEXES[1 - place].release()

    def call(self, place: int) -> None:
        """A CPU waits for an answer of one that waits for its lock with interrupts off."""
        if place:
            with SPINLOCKS[0]:
                meet(2)
                busy(0.05)
                remote_call.call(0, NOTHING_CALL, 0, wait=True)
        else:
            flag = interrupts.save()
            meet(2)
            with SPINLOCKS[0]:
                pass
            interrupts.restore(flag)

    def polite(self, place: int) -> None:
        """The same with interrupts on: the answer is given while it waits. Nothing is wrong."""
        if place:
            with SPINLOCKS[0]:
                meet(2)
                busy(0.2)
                remote_call.call(0, NOTHING_CALL, 0, wait=True)
        else:
            meet(2)
            with SPINLOCKS[0]:
                pass

    def contend(self, _place: int) -> None:
        """Three locks in the right order, many times, held for long. Nothing is wrong."""
        end = now_ns() + 1_000_000_000
        while now_ns() < end:
            with SPINLOCKS[0], SPINLOCKS[1], SPINLOCKS[2]:
                busy(0.03)

    def leak(self, _place: int) -> None:
        """Lock and leave the CPU to whoever wants the lock: its owner is elsewhere."""
        SPINLOCKS[0].acquire()
        meet(2)
        busy(1.5)
        SPINLOCKS[0].release()

    def want(self, _place: int) -> None:
        """Want what ``leak`` has."""
        meet(2)
        with SPINLOCKS[0]:
            pass

    def soft(self, tenths: int) -> None:
        """Stay in the kernel, taking interrupts."""
        end = process_time_ns() + tenths * 100_000_000
        while process_time_ns() < end:
            interrupts.safepoint()

    def hard(self, tenths: int) -> None:
        """Stay in the kernel, taking none."""
        busy(tenths / 10)

    def irqs_off(self, hundredths: int) -> None:
        """A section with interrupts off."""
        flag = interrupts.save()
        busy(hundredths / 100)
        interrupts.restore(flag)

    def preempt_off(self, hundredths: int) -> None:
        """A section with preemption off."""
        preempt.disable()
        busy(hundredths / 100)
        preempt.enable()

    def storm(self, tenths: int) -> None:
        """An interrupt that sends itself for so long."""
        STATE.word.store(process_time_ns() + tenths * 100_000_000)
        again()
        interrupts.safepoint()

    async def hang(self, _place: int) -> None:
        """Sleep where no signal wakes, until ``free``."""
        await QUEUE.wait_until(lambda: STATE.word.value, interruptible=False)

    def free(self, _place: int) -> None:
        """Make it so, and wake."""
        STATE.word.store(1)
        QUEUE.wake_all()

    def forget(self, _place: int) -> None:
        """Make it so, and wake nobody."""
        STATE.word.store(1)


def again() -> None:
    """The storm's handler."""
    if process_time_ns() < STATE.word.value:
        ipi._command(cpu().index, ICR_ASSERT | STORM_VECTOR)


def main() -> int:
    """Boot and run the commands."""
    from mpkernel.boot.start import kernel_entry  # noqa: PLC0415  the last: no more statics

    words = sys.argv[1:]
    kills = words[0] == "--kill"
    cpus, script = words[kills:]
    CHAR_DEVICES.add(CHAR_DEBUG, Provocations())
    KERNEL_VECTORS.add(STORM_VECTOR, again)
    remote_call.FUNCTIONS.add(NOTHING_CALL, lambda _argument: None)
    assert wiring
    threaded.load()
    limits = Limits(
        progress_s=0.05, spin_s=0.8, soft_lockup_cpu_s=0.8, hard_lockup_cpu_s=0.6,
        storm_cpu_s=0.6, storm_interrupts=300, section_cpu_s=0.2, hung_task_s=1.0,
        lost_wakeup_s=0.3,
    )  # fmt: skip
    config = MachineConfig(
        cpus=int(cpus),
        disks=(DiskConfig(root_image(), private=True),),
        cmdline=BootParameters(init_args=("-c", script)).encode(),
        timeout_s=40,
    )
    return Machine(config, Watcher(kills=kills, limits=limits)).run(
        kernel_entry, at_end=show_findings
    )


if __name__ == "__main__":
    sys.exit(main())
