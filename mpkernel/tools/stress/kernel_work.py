"""Work inside the kernel for /dev/debug: locks of all types, calls, interrupts, sectors of a disk.

    write("spinning 7") does some hundred operations that the seed 7 chooses

Everything is counted twice, once under the lock or by who sends, once by an atomic or by who takes;
``check`` compares. A difference, or an answer that is wrong at once, is EIO and a line in the log.

State: RAM. Locks: its own, without rank. Context: task.
"""

import random
from typing import Annotated, Final

from hw.spec.layout import Layout, guarded_by, layout, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import interrupts, ipi, memory, remote_call, topology
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.block import device as block_device
from mpkernel.block.device import SECTOR_SIZE
from mpkernel.fs.memory_devices import NullDevice
from mpkernel.mm import frames
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.rwsem import Rwsem
from mpkernel.sched.task import current
from mpkernel.sync import ranks
from mpkernel.sync.rwlock import Rwlock
from mpkernel.sync.seqlock import Seqlock
from mpkernel.sync.spinlock import Spinlock
from mpkernel.trace import log

STRESS_VECTOR: Final = 0xE1
STRESS_CALL: Final = 98
_ROUNDS: Final = 60
_FRAME_SECTORS: Final = 8
#: Parts of the disk, of which a task uses one.
_PARTS: Final = 64


@layout()
class StressState(Layout):
    """The counters, and what guards them."""

    is_ready: AtomicU64  #: 0, 1 while one CPU makes it ready, 2
    spinlock: Spinlock
    rwlock: Rwlock
    seqlock: Seqlock
    mutex: Mutex
    rwsem: Rwsem
    by_spinlock: Annotated[u64, guarded_by("spinlock")]
    by_rwlock: Annotated[u64, guarded_by("rwlock")]
    by_seqlock: Annotated[u64, guarded_by("seqlock")]
    twin: Annotated[u64, guarded_by("seqlock")]  #: always equal to by_seqlock
    by_mutex: Annotated[u64, guarded_by("mutex")]
    by_rwsem: Annotated[u64, guarded_by("rwsem")]
    spinlock_done: AtomicU64
    rwlock_done: AtomicU64
    seqlock_done: AtomicU64
    mutex_done: AtomicU64
    rwsem_done: AtomicU64
    calls_asked: AtomicU64
    calls_run: AtomicU64
    sent: AtomicU64
    taken: AtomicU64
    sectors: AtomicU64


STATE: Final = memory.static(StressState)
_PAIRS: Final = (
    ("spinlock", "by_spinlock", "spinlock_done"),
    ("rwlock", "by_rwlock", "rwlock_done"),
    ("seqlock", "by_seqlock", "seqlock_done"),
    ("mutex", "by_mutex", "mutex_done"),
    ("rw-semaphore", "by_rwsem", "rwsem_done"),
)


def counts() -> dict[str, int]:
    """Operations done, by kind: also read from outside."""
    found = {name: getattr(STATE, done).value for name, _, done in _PAIRS}
    return found | {
        "calls": STATE.calls_run.value,
        "interrupts": STATE.taken.value,
        "sectors": STATE.sectors.value,
    }


def make_ready() -> None:
    """Give the locks their classes, once."""
    if STATE.is_ready.value == 2:
        return
    if STATE.is_ready.cas(0, 1) == 0:
        STATE.spinlock.init(ranks.unranked("stress spinlock"))
        STATE.rwlock.init(ranks.unranked("stress rwlock"))
        STATE.seqlock.init(ranks.unranked("stress seqlock"))
        STATE.mutex.init(ranks.unranked("stress mutex"))
        STATE.rwsem.init(ranks.unranked("stress rwsem"))
        STATE.is_ready.store(2)
    while STATE.is_ready.value != 2:
        interrupts.safepoint()


def call_arrives(_argument: int) -> None:
    """The function that ``calls`` asks of other CPUs."""
    STATE.calls_run.add(1)


def interrupt_arrives() -> None:
    """The handler of STRESS_VECTOR."""
    STATE.taken.add(1)


class StressDevice(NullDevice):
    """/dev/debug of a machine under stress."""

    async def write(self, data: bytes) -> int:
        """Do some of what the word says."""
        make_ready()
        word, _, number = data.decode("ascii", "replace").partition(" ")
        chance = random.Random(int(number or 0))
        match word:
            case "spinning":
                spinning(chance)
            case "sleeping":
                await sleeping(chance)
            case "calls":
                calls(chance)
            case "interrupts":
                send_interrupts(chance)
            case "sectors":
                await sectors(chance)
            case "check":
                check()
            case _:
                raise SysError(Errno.EINVAL)
        return len(data)


def spinning(chance: random.Random) -> None:
    """Locks that spin, plain and with interrupts off."""
    for _ in range(_ROUNDS):
        match chance.randrange(5):
            case 0:
                with STATE.spinlock.irqsave():
                    STATE.by_spinlock += 1
                STATE.spinlock_done.add(1)
            case 1:
                with STATE.rwlock.write(irqsave=True):
                    STATE.by_rwlock += 1
                STATE.rwlock_done.add(1)
            case 2:
                with STATE.rwlock.read(irqsave=True):
                    first = STATE.by_rwlock
                    expect(first == STATE.by_rwlock, "a reader sees a writer at work")
            case 3:
                with STATE.seqlock.write(irqsave=True):
                    STATE.by_seqlock += 1
                    STATE.twin += 1
                STATE.seqlock_done.add(1)
            case _:
                one, two = STATE.seqlock.read(lambda: (STATE.by_seqlock, STATE.twin))
                expect(one == two, f"a sequence lock's reader sees {one} and {two}")


async def sleeping(chance: random.Random) -> None:
    """Locks whose waiters sleep."""
    for _ in range(_ROUNDS // 3):
        match chance.randrange(3):
            case 0:
                async with STATE.mutex:
                    STATE.by_mutex += 1
                STATE.mutex_done.add(1)
            case 1:
                async with STATE.rwsem.write():
                    STATE.by_rwsem += 1
                STATE.rwsem_done.add(1)
            case _:
                async with STATE.rwsem.read():
                    first = STATE.by_rwsem
                    expect(first == STATE.by_rwsem, "a reader sees a writer at work")


def online() -> list[int]:
    """CPUs that take interrupts."""
    return [index for index in range(topology.cpu_count()) if topology.is_online(index)]


def calls(chance: random.Random) -> None:
    """Functions on other CPUs, waited for or not."""
    others = [index for index in online() if index != cpu().index]
    for _ in range(_ROUNDS // 6 if others else 0):
        STATE.calls_asked.add(1)
        remote_call.call(chance.choice(others), STRESS_CALL, 0, wait=chance.random() < 0.7)


def send_interrupts(chance: random.Random) -> None:
    """Interrupts to all CPUs, this one included."""
    for _ in range(_ROUNDS // 2):
        STATE.sent.add(1)
        ipi.send_vector(chance.choice(online()), STRESS_VECTOR)


async def sectors(chance: random.Random) -> None:
    """Write a page of the second disk and read it back; each task has a part of its own."""
    disk = block_device.by_index(1)
    frame = frames.alloc_frame()
    try:
        share = disk.sectors // _FRAME_SECTORS // _PARTS
        part = current().tid % _PARTS
        place = (part * share + chance.randrange(share)) * _FRAME_SECTORS
        pattern = chance.randbytes(SECTOR_SIZE) * _FRAME_SECTORS
        memory.write(frame, pattern)
        await block_device.write(disk, place, _FRAME_SECTORS, frame)
        memory.zero(frame, len(pattern))
        await block_device.read(disk, place, _FRAME_SECTORS, frame)
        expect(memory.read(frame, len(pattern)) == pattern, f"sector {place} is not as written")
        STATE.sectors.add(_FRAME_SECTORS)
    finally:
        frames.free_frame(frame)


def check() -> None:
    """All is counted as often on both sides. When nothing else runs."""
    for name, guarded, done in _PAIRS:
        value, count = getattr(STATE, guarded), getattr(STATE, done).value
        expect(value == count, f"{count} increments under the {name} made {value}")
    asked, run = STATE.calls_asked.value, STATE.calls_run.value
    expect(asked == run, f"{asked} calls were asked for, {run} ran")
    sent, taken = STATE.sent.value, STATE.taken.value
    expect(taken <= sent, f"{sent} interrupts were sent, {taken} taken")
    expect(taken > 0 or not sent, "no interrupt arrived")


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001  a condition and its text
    """Say what is wrong.

    Raises:
        SysError: EIO.
    """
    if not holds:
        log.error(f"stress: {otherwise}")
        raise SysError(Errno.EIO)
