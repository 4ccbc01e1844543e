"""Kernels of one task that drive devices on a machine of real processes.

    python -m tests.support.driver_machine SCENARIO CPUS [IMAGE...]

Scenarios end the machine with status 3 when all they check holds.

State: a machine. Context: a process of its own, without threads.
"""

import random
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig, PortConfig
from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import MIB
from mpkernel.arch import interrupts, memory, power, topology
from mpkernel.arch.atomics import AtomicU32
from mpkernel.arch.cpu import cpu
from mpkernel.arch.vectors import VECTOR_RESCHEDULE, VECTOR_TIMER
from mpkernel.block import device as block
from mpkernel.boot.cpu_start import start_cpu
from mpkernel.boot.secondary import come_online, start_others
from mpkernel.drivers import start, wiring
from mpkernel.drivers.virtio import blk, rng
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue
from mpkernel.drivers.virtio.stream import PortStream
from mpkernel.fs import tty
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.mm import frames
from mpkernel.sched import tick
from mpkernel.sched.completion import Completion
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.switch import run_cpu
from mpkernel.sched.task import Task, set_name
from mpkernel.sched.task_end import TASK_END
from mpkernel.sched.timer import now_ns
from mpkernel.sched.wakeup import start as start_task
from mpkernel.trace import log

SUCCESS = 3
RAM = 64 * MIB
_TASKS = 8 * MIB
_FRAMES = 16 * MIB
_READY = 15 * MIB
_LEFT = 15 * MIB + 4096
_WAITED = 15 * MIB + 4096 + 64
_ANSWERED = 15 * MIB + 4096 + 128
Body = Callable[[], Coroutine[Any, Any, None]]
Share = Callable[[int], Coroutine[Any, Any, None]]
#: Senders a CPU has in the scenario of one queue: with three descriptors each, more than fit.
SENDERS = 15


def _reschedule() -> None:
    cpu().area.need_resched = 1


def wire() -> None:
    """What boot.wiring does, as far as drivers need it."""
    wiring.fill_seams()
    wiring.join_terminal(tty.CONSOLE, tty.CONSOLE_OUTPUT.fill)
    KERNEL_VECTORS.add(VECTOR_TIMER, tick.timer_interrupt)
    KERNEL_VECTORS.add(VECTOR_RESCHEDULE, _reschedule)
    TASK_END.fill(lambda _task: None)
    tty.SIGNAL_GROUP.fill(lambda _group, _signal: None)
    tty.CURRENT_JOB.fill(lambda: (1, 1))


def spawn(number: int, home: int, body: Coroutine[Any, Any, None]) -> None:
    """Start a kernel task on this CPU."""

    async def run() -> None:
        await body
        raise TaskExit

    task = Task.at(_TASKS + number * 4096)
    task.affinity = (1 << 64) - 1
    task.in_kernel = 1
    set_name(task, f"test {number}")
    cpu().coroutines[task.phys] = run()
    start_task(task, home)


def entry(body: Body, share: Share) -> Callable[[int], None]:
    """A kernel that runs ``body`` as its first task, with devices up; other CPUs run ``share``."""

    async def first() -> None:
        await start.start_devices(list(range(topology.cpu_count())))
        await body()

    def kernel_entry(index: int) -> None:
        if index:
            start_cpu(index)
            come_online()
            interrupts.enable()
            spawn(100 + index, index, share(index))
            run_cpu()
        start_cpu(0)
        ready().init()
        log.init(log.INFO)
        frames.init([(_FRAMES, RAM)])
        tty.init()
        come_online()
        interrupts.enable()
        start_others()
        spawn(0, 0, first())
        run_cpu()

    return kernel_entry


async def disk() -> None:
    """Read all of the disk, write a piece, flush; then time small reads."""
    device = block.by_name("vda")
    at = frames.alloc_contiguous(64)
    whole = b""
    for sector in range(0, device.sectors, 512):
        await block.read(device, sector, 512, at)
        whole += memory.read(at, 1 << 18)
    assert whole == b"".join(n.to_bytes(4, "little") * 128 for n in range(device.sectors))
    memory.write(at, b"written!" * 512)
    await block.write(device, 8, 8, at)
    await block.flush(device)
    began = now_ns()
    for number in range(500):
        await block.read(device, number % 100 * 8, 8, at)
    log.info(f"4 KiB read: {(now_ns() - began) // 500_000} us")
    began = now_ns()
    for _ in range(50):
        await block.read(device, 0, 512, at)
    log.info(f"256 KiB reads: {50 * 262144 * 1000 // (now_ns() - began)} MB/s")
    first, second = await rng.read(100), await rng.read(5000)
    assert len(set(first)) > 20
    assert len(second) == 5000
    power.power_off(SUCCESS)


async def streams() -> None:
    """Copy stdin to stdout in upper case; say on stderr how much."""
    source, target = PortStream("stdin"), PortStream("stdout")
    total = 0
    while data := await source.read(65536):
        total += await target.write(data.upper())
    await PortStream("stderr").write(b"%d bytes\n" % total)
    power.power_off(SUCCESS)


async def lines() -> None:
    """Repeat the terminal's lines, numbered, until the end of input."""
    number = 0
    while line := await tty.CONSOLE.read(4096):
        number += 1
        await tty.CONSOLE.write(b"%d: " % number + line)
    power.power_off(SUCCESS)


async def burst() -> None:
    """Many tasks read at once: the queue is full, all get their own data."""
    device = block.by_name("vda")
    left = [60]

    async def one(number: int) -> None:
        frame = frames.alloc_frame()
        for turn in range(20):
            sector = (number * 20 + turn) * 8 % 2000 // 8 * 8
            await block.read(device, sector, 8, frame)
            assert memory.read(frame, 4) == sector.to_bytes(4, "little")
        left[0] -= 1
        if not left[0]:
            power.power_off(SUCCESS)

    for number in range(60):
        spawn(number + 1, 0, one(number))


def ready() -> Completion:
    """All CPUs wait for this: the devices are up."""
    return Completion.at(_READY)


async def load(index: int) -> None:
    """One CPU's share: random reads and writes of its own part of the disk, and entropy."""
    await ready().wait()
    device = block.by_name("vda")
    chance = random.Random(index)
    share = device.sectors // 8 // topology.cpu_count() * 8
    frame = frames.alloc_frame()
    shadow: dict[int, int] = {}
    for turn in range(150):
        sector = index * share + chance.randrange(share // 8) * 8
        if chance.random() < 0.5:
            memory.write(frame, turn.to_bytes(4, "little") * 1024)
            await block.write(device, sector, 8, frame)
            shadow[sector] = turn
        else:
            await block.read(device, sector, 8, frame)
            expected = shadow.get(sector, sector)
            assert memory.read(frame, 4) == expected.to_bytes(4, "little")
        if turn % 50 == 0:
            assert len(await rng.read(32)) == 32
    left = AtomicU32.from_address(DIRECT_MAP + _LEFT)
    if left.add(-1) == 1:
        power.power_off(SUCCESS)


async def smp() -> None:
    """All CPUs load the disk at once; the others sleep on another CPU's wakeup first."""
    AtomicU32.from_address(DIRECT_MAP + _LEFT).store(topology.cpu_count())
    ready().complete()
    await load(0)


async def send(sender: int, requests: int) -> None:
    """Read sectors by chance, each into a frame that says which one is expected last."""
    chance = random.Random(sender)
    frame = frames.alloc_frame()
    device = block.by_name("vda")
    queue = Virtqueue.at(blk.DISKS[0].queues[0])
    waited = 0
    for _ in range(requests):
        sector = chance.randrange(2000)
        memory.write(frame, b"none")
        waited += not queue.space.is_empty()
        await block.read(device, sector, 1, frame)
        assert memory.read(frame, 4) == sector.to_bytes(4, "little")
    AtomicU32.from_address(DIRECT_MAP + _ANSWERED).add(requests)
    AtomicU32.from_address(DIRECT_MAP + _WAITED).add(waited)
    if AtomicU32.from_address(DIRECT_MAP + _LEFT).add(-1) == 1:
        check_queue()


def check_queue() -> None:
    """All requests were posted and answered once, nothing is under way; end the machine."""
    answered = AtomicU32.from_address(DIRECT_MAP + _ANSWERED).load()
    queue = Virtqueue.at(blk.DISKS[0].queues[0])
    assert queue.posted == answered
    assert queue.free_count == SIZE
    assert queue.avail_idx == queue.used_idx == queue.last_used == answered & 0xFFFF
    assert AtomicU32.from_address(DIRECT_MAP + _WAITED).load(), "the queue was never full"
    assert queue.space.is_empty()
    log.info(f"{answered} requests, {answered >> 16} wraps")
    power.power_off(SUCCESS)


def one_queue(total: int) -> tuple[Body, Share]:
    """All CPUs send ``total`` requests through one queue, whose interrupts go to one of them."""

    async def share(index: int) -> None:
        await ready().wait()
        senders = topology.cpu_count() * SENDERS
        for number in range(index * SENDERS, (index + 1) * SENDERS):
            requests = total // senders + (number < total % senders)
            spawn(101 + number + topology.cpu_count(), index, send(number, requests))

    async def body() -> None:
        blk.DISKS[0].queue_count = 1
        AtomicU32.from_address(DIRECT_MAP + _LEFT).store(topology.cpu_count() * SENDERS)
        ready().complete()
        await share(0)

    return body, share


_CONSOLE = (PortConfig("console", 0, 1, is_console=True),)
_STREAMS = (
    PortConfig("console", -1, 2, is_console=True),
    PortConfig("stdin", input_fd=0),
    PortConfig("stdout", output_fd=1),
    PortConfig("stderr", output_fd=2),
)
SCENARIOS: dict[str, tuple[Body, Share, tuple[PortConfig, ...]]] = {
    "disk": (disk, load, ()),
    "burst": (burst, load, ()),
    "smp": (smp, load, ()),
    "share": (*one_queue(20_000), ()),
    "wraps": (*one_queue(200_000), ()),
    "streams": (streams, load, _STREAMS),
    "lines": (lines, load, _CONSOLE),
}


def main() -> int:
    """Run the scenario that the command line names."""
    body, share, ports = SCENARIOS[sys.argv[1]]
    wire()
    disks = tuple(DiskConfig(Path(name)) for name in sys.argv[3:])
    config = MachineConfig(
        cpus=int(sys.argv[2]), ram_bytes=RAM, disks=disks, ports=ports, timeout_s=90
    )
    return Machine(config).run(entry(body, share))


if __name__ == "__main__":
    sys.exit(main())
