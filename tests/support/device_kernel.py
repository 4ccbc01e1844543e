"""A kernel with devices in the test's own process: CPUs and the device process take turns.

    with device_kernel(disks=[path], ports=ports) as k:
        assert k.call(main()) == ...

Drivers, rings, MSI-X, local APICs and the devices are those of the machine; only processes are not.

State: maps a machine into this process; one at a time.
"""

import os
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.board import FIRST_DISK_SLOT, SLOT_CONSOLE, SLOT_ENTROPY, serial_of
from hw.bus import device_work
from hw.disk.block_back_end import BlockBackEnd
from hw.disk.console_back_end import ConsoleBackEnd
from hw.disk.image import open_image
from hw.disk.process import EntropyBackEnd
from hw.host import PollSet
from hw.machine_config import DiskConfig, MachineConfig, PortConfig
from hw.spec.memory_map import MIB
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from mpkernel.arch.cpu import Cpu, cpu, use_cpu
from mpkernel.arch.vectors import VECTOR_RESCHEDULE, VECTOR_TIMER
from mpkernel.block.device import BLOCK_DRIVERS
from mpkernel.drivers import wiring
from mpkernel.drivers.bus import DRIVERS
from mpkernel.drivers.virtio.console import CONSOLE_INPUT
from mpkernel.fs import tty
from mpkernel.irq import deferred, dispatch, vectors
from mpkernel.mm import frames
from mpkernel.sched import tick
from mpkernel.sched.task_end import TASK_END
from mpkernel.trace import log
from tests.support.board import powered_board
from tests.support.kernel import Kernel

if TYPE_CHECKING:
    from mpkernel.seam import Seam

RAM = 32 * MIB
FRAMES = 16 * MIB
MAX_TURNS = 3000


def _reschedule() -> None:
    cpu().area.need_resched = 1


class DeviceKernel(Kernel):
    """CPUs that take turns with the devices."""

    def __init__(self, cpus: int, images: list[Any], ports: tuple[PortConfig, ...]) -> None:
        super().__init__(cpus, 0)
        self.signals: list[tuple[int, int]] = []  #: (group, signal), sent by the terminal
        for one in self.cpus:
            one.interrupt_handler = dispatch.handle
            one.after_interrupts = deferred.after_interrupts
        frames.init([(FRAMES, RAM)])
        vectors.init()
        tty.init()
        memory = MachineMemory()
        rng = VirtioDevice(SLOT_ENTROPY, memory)
        self.back_ends: list[tuple[VirtioDevice, Any]] = [(rng, EntropyBackEnd(rng))]
        for slot, image in enumerate(images, start=FIRST_DISK_SLOT):
            disk = VirtioDevice(slot, memory)
            self.back_ends.append((disk, BlockBackEnd(disk, image, serial_of(slot))))
        self.console: ConsoleBackEnd | None = None
        self.polls = PollSet([-1] * (2 * len(ports)))
        if ports:
            device = VirtioDevice(SLOT_CONSOLE, memory)
            self.console = ConsoleBackEnd(device, ports, 0)
            self.back_ends.append((device, self.console))

    def pump(self) -> bool:
        """One turn of the device process; False if it had nothing to do."""
        work = device_work.take()
        for device, back_end in self.back_ends:
            if work >> device.slot & 1:
                if device.take_reset():
                    continue
                device.take_notified()
                back_end.serve()
        if self.console is None:
            return bool(work)
        self.console.serve()
        self.console.want(self.polls)
        if self.polls.wait(0):
            self.console.move(self.polls)
            self.console.serve()
            return True
        return bool(work)

    def turn_all(self) -> bool:
        """Each CPU runs a task; whether any did."""
        ran = [self.turn(index) for index in range(len(self.cpus))]
        return any(ran)

    def settle(self, turns: int = 20) -> None:
        """Let everybody run until nothing happens any more."""
        for _ in range(MAX_TURNS):
            self.run()
            if self.pump() or self.turn_all():
                continue
            turns -= 1
            if not turns:
                return
        raise AssertionError("never settles")

    def call(self, *coroutines: Coroutine[Any, Any, Any]) -> Any:
        """Run tasks to their ends; the first one's result. Fails if one sleeps for ever."""
        results: dict[int, Any] = {}

        async def body(number: int, coroutine: Coroutine[Any, Any, Any]) -> None:
            try:
                results[number] = ("value", await coroutine)
            except Exception as error:  # noqa: BLE001  raised again below
                results[number] = ("error", error)

        for number, coroutine in enumerate(coroutines):
            self.spawn(number % len(self.cpus), body(number, coroutine))
        for _ in range(MAX_TURNS):
            self.run()
            if len(results) == len(coroutines):
                self.use(0)
                for kind, value in results.values():
                    if kind == "error":
                        raise value
                return results[0][1]
            if not self.pump():
                time.sleep(0.0005)  # a timer may be what is waited for
        raise AssertionError(f"{len(coroutines) - len(results)} tasks sleep for ever")

    def end_tasks(self) -> None:
        """End what still sleeps, while there is memory."""
        for index, one in enumerate(self.cpus):
            self.use(index)
            for coroutine in one.coroutines.values():
                coroutine.close()
            one.coroutines.clear()


@contextmanager
def _filled_seams(signals: list[tuple[int, int]], ended: list[int]) -> Iterator[None]:
    """Drivers and terminal joined as boot joins them; the seams as they were at the end."""
    seams: tuple[Seam[Any], ...] = (
        DRIVERS, BLOCK_DRIVERS, vectors.HANDLERS, deferred.WORK, CONSOLE_INPUT,
        tty.CONSOLE_OUTPUT, tty.SIGNAL_GROUP, tty.CURRENT_JOB, TASK_END, vectors.KERNEL_VECTORS,
    )  # fmt: skip
    before = [dict(seam._entries) for seam in seams]
    for seam in seams:
        seam._entries.clear()
    wiring.fill_seams()
    wiring.join_terminal(tty.CONSOLE, tty.CONSOLE_OUTPUT.fill)
    tty.SIGNAL_GROUP.fill(lambda group, signal: signals.append((group, signal)))
    tty.CURRENT_JOB.fill(lambda: (7, 5))
    vectors.KERNEL_VECTORS.add(VECTOR_TIMER, tick.timer_interrupt)
    vectors.KERNEL_VECTORS.add(VECTOR_RESCHEDULE, _reschedule)
    TASK_END.fill(lambda task: ended.append(task.state))
    try:
        yield
    finally:
        for seam, entries in zip(seams, before, strict=True):
            seam._entries.clear()
            seam._entries.update(entries)


@contextmanager
def device_kernel(
    disks: Sequence[Path | DiskConfig] = (),
    ports: tuple[PortConfig, ...] = (),
    cpus: int = 1,
) -> Iterator[DeviceKernel]:
    """A fresh machine with devices; ``signals`` collects what the terminal sends."""
    configs = tuple(one if isinstance(one, DiskConfig) else DiskConfig(one) for one in disks)
    config = MachineConfig(cpus=cpus, ram_bytes=RAM, disks=configs, ports=ports)
    with ExitStack() as stack:
        images = []
        for disk in configs:
            image = open_image(disk)
            stack.callback(os.close, image.fd)
            images.append(image)
        stack.enter_context(powered_board(config, images))
        log.init(log.ERROR)
        signals: list[tuple[int, int]] = []
        stack.enter_context(_filled_seams(signals, []))
        kernel = DeviceKernel(cpus, images, ports)
        kernel.signals = signals
        stack.callback(lambda: use_cpu(Cpu(0)))
        stack.callback(kernel.end_tasks)
        yield kernel
