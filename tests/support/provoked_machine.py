"""A machine with a device that does what a kernel must never do, for the watcher to find.

    python -m tests.support.provoked_machine [--kill] CPUS COMMANDS
    MPK_WATCH=turns python -m tests.support.provoked_machine --seed SEED CPUS COMMANDS

Each word written to /dev/debug is one of ``Provocations``, done in the kernel on the writer's CPU.
The status of the process is the machine's. The limits are shorter than a user's.

Context: a process of its own, without threads.
"""

import os
import re
import sys
import time
from collections import deque
from pathlib import Path
from time import process_time_ns
from typing import Annotated, Any, NoReturn

from guests.image import root_image
from hw.cpu import threaded
from hw.irq.party import PARTIES
from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig
from hw.spec.address import PAGE_SIZE
from hw.spec.apic import ICR_ASSERT
from hw.spec.layout import Layout, atomic, layout, u64
from hw.turns_machine import TurnsMachine
from mpkernel.arch import interrupts, ipi, memory, remote_call, topology
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu, use_cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.arch.timer import now_ns
from mpkernel.boot import wiring
from mpkernel.boot.parameters import BootParameters
from mpkernel.cli.findings import show_findings
from mpkernel.fs import file
from mpkernel.fs.char_device import CHAR_DEBUG, CHAR_DEVICES
from mpkernel.fs.memory_devices import NullDevice
from mpkernel.fs.path import resolve
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.mm import mmap
from mpkernel.mm.address_space import LOWEST, AddressSpace
from mpkernel.proc.exit import exit_process
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.sleeping_lock import QUEUED
from mpkernel.sched.task import current
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import preempt, ranks
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.spinlock import Spinlock
from mpkernel.tools.detector.finding import DEADLOCK, Finding
from mpkernel.tools.detector.limits import Limits
from mpkernel.tools.detector.watcher import Watcher, say

STORM_VECTOR = 0xE0
NOTHING_CALL = 99
LOCKS = 3


@layout()
class State(Layout):
    """What the provocations share."""

    ready: AtomicU64  #: how many have their first lock
    word: AtomicU64
    is_made: AtomicU64
    released_ns: Annotated[u64, atomic]  #: when the mutex of ``hand`` was given back to who waited
    sections: Annotated[u64, atomic]  #: of it, counted without any lock but it
    stalls: Annotated[u64, atomic]  #: times that somebody waited
    longest_ns: Annotated[u64, atomic]  #: most time from then until somebody had it


STATE = memory.static(State)
SPINLOCKS = memory.static_array(Spinlock, LOCKS)
MUTEXES = memory.static_array(Mutex, LOCKS)
RWLOCK = memory.static(Rwlock)
RWSEM = memory.static(Rwsem)
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
    RWLOCK.init(ranks.unranked("register"))
    RWSEM.init(ranks.unranked("book"))
    QUEUE.init()
    STATE.is_made.store(2)


def meet(count: int) -> None:
    """Wait until so many have come here."""
    STATE.ready.add(1)
    turn = 0
    while STATE.ready.value < count:
        relax(turn)
        turn += 1


async def meet_asleep() -> None:
    """Sleep until two have come here."""
    STATE.ready.add(1)
    QUEUE.wake_all()
    await QUEUE.wait_until(lambda: STATE.ready.value >= 2, interruptible=False)


def busy(seconds: float) -> None:
    """Compute without a safepoint, for so long of CPU time."""
    end = process_time_ns() + int(seconds * 1e9)
    while process_time_ns() < end:
        pass


class Provocations(NullDevice):
    """/dev/debug."""

    async def read(self, _size: int) -> bytes:
        """What ``hand`` counted: sections, stalls, the longest in nanoseconds."""
        counts = STATE.sections, STATE.stalls, STATE.longest_ns
        STATE.sections = 0
        return " ".join(map(str, counts)).encode() + b"\n" if counts[0] else b""

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
            await meet_asleep()
            async with MUTEXES[1 - place]:
                pass

    async def killable(self, place: int) -> None:
        """The same, but who is to die gives up."""
        async with MUTEXES[place]:
            await meet_asleep()
            async with MUTEXES[1 - place].killable():
                pass

    async def readers(self, place: int) -> None:
        """One reads what the other wants to write, and wants the mutex that the other has."""
        if place:
            async with MUTEXES[0]:
                await meet_asleep()
                async with RWSEM.write(killable=True):
                    pass
        else:
            async with RWSEM.read():
                await meet_asleep()
                async with MUTEXES[0].killable():
                    pass

    async def hand(self, sections: int) -> None:
        """Sections of a mutex that others want, too."""
        for _ in range(sections):
            await MUTEXES[0].acquire()
            if STATE.released_ns:
                STATE.longest_ns = max(STATE.longest_ns, now_ns() - STATE.released_ns)
                STATE.released_ns = 0
            count = STATE.sections
            for _ in range(4):
                interrupts.safepoint()
            STATE.sections = count + 1
            if MUTEXES[0].owner.value & QUEUED:
                STATE.stalls += 1
                STATE.released_ns = now_ns()
            MUTEXES[0].release()

    async def hold(self, _place: int) -> None:
        """Have a file's lock until ``free``."""
        inode = await resolve(b"/tmp/file")
        async with inode.lock:
            await QUEUE.wait_until(lambda: STATE.word.value, interruptible=False)

    async def memory(self, place: int) -> None:
        """The kernel's own locks, in its own paths: an address space's, and a file's."""
        inode = await resolve(b"/tmp/file")
        if place:
            async with inode.lock:
                await meet_asleep()
                space = AddressSpace.at(STATE.word.value)
                await mmap.unmap_region(space, LOWEST, PAGE_SIZE)
        else:
            space = AddressSpace.at(current().address_space)
            STATE.word.store(space.phys)
            async with space.lock:
                await meet_asleep()
                await file.truncate(inode, 0)

    async def keep(self, place: int) -> None:
        """Go back to user mode with a lock."""
        await MUTEXES[place].acquire()

    async def die(self, place: int) -> None:
        """End with a lock."""
        await MUTEXES[place].acquire()
        await exit_process(0)

    def read_ring(self, place: int) -> None:
        """A reader of a spinning lock and its writer, and a spinlock between them."""
        if place:
            with SPINLOCKS[0]:
                meet(2)
                with RWLOCK.write():
                    pass
        else:
            with RWLOCK.read():
                meet(2)
                with SPINLOCKS[0]:
                    pass

    def read_long(self, place: int) -> None:
        """The same, but the reader wants nothing: it is slow. Nothing is wrong."""
        if place:
            with SPINLOCKS[0]:
                meet(2)
                with RWLOCK.write():
                    pass
        else:
            with RWLOCK.read():
                meet(2)
                busy(0.12)

    def call(self, place: int) -> None:
        """A CPU waits for an answer of one that waits for its lock with interrupts off."""
        if place:
            with SPINLOCKS[0]:
                meet(2)
                meet(4)
                remote_call.call(0, NOTHING_CALL, 0, wait=True)
        else:
            meet(2)  # before: the other's start may need an interrupt here
            flag = interrupts.save()
            meet(4)
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


class TimedWatcher(Watcher):
    """Says of each deadlock for how long others on the host kept it from being reported."""

    def __init__(self, *, kills: bool, limits: Limits) -> None:
        super().__init__(kills=kills, limits=limits, on_finding=self._say)
        self._looks: deque[tuple[float, float, list[float]]] = deque(maxlen=16)

    def look(self) -> int | None:
        """Look once."""
        self._looks.append((time.monotonic(), delay_s(os.getpid()), self._delays_of_cores()))
        return super().look()

    def _say(self, finding: Finding) -> None:
        say(finding)
        lasted = re.search(r", for ([0-9.]+) s$", finding.what)
        if finding.kind == DEADLOCK and lasted:
            closed = time.monotonic() - float(lasted[1])
            own = next((own for at, own, _ in reversed(self._looks) if at < closed), 0.0)
            before = self._looks[-1][2]
            cores = max(now - was for now, was in zip(self._delays_of_cores(), before, strict=True))
            host = delay_s(os.getpid()) - own + cores
            sys.stderr.write(f"the host took {host:.3f} s of that\n")

    def _delays_of_cores(self) -> list[float]:
        return [delay_s(PARTIES[index].pid) for index in range(topology.cpu_count())]


def delay_s(pid: int) -> float:
    """Seconds for which a process was ready and the host ran others; 0 if the host hides it."""
    record = Path(f"/proc/{pid}/schedstat")
    return int(record.read_text().split()[1]) / 1e9 if record.exists() else 0.0


def main() -> NoReturn:
    """Boot and run the commands."""
    from mpkernel.boot.start import kernel_entry  # noqa: PLC0415  the last: no more statics

    *options, cpus, script = sys.argv[1:]
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
    if "--seed" in options:
        machine: Machine = TurnsMachine(config, int(options[1]), cpu, use_cpu)
    else:
        machine = Machine(config, TimedWatcher(kills="--kill" in options, limits=limits))
    status = machine.run(kernel_entry, at_end=show_findings)
    sys.stdout.flush()
    os._exit(status)  # under a seed, cores stand where they stood: none unwinds


if __name__ == "__main__":
    main()
