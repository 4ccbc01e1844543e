"""The machine: what is plugged where, and how it starts and ends.

    launcher: memory, clock, firmware, queues; forks
       +-- core 0 .. n-1   one process, one thread each; core 0 runs the kernel at once, the
       |                   others sleep until INIT and STARTUP
       +-- devices         back ends of disks, console, entropy; fires the HPET
       +-- compiler        makes native code of what is hot (hw.cpu.regions)
    launcher: watches until the end, leaves nothing

State: RAM and board memory; this process's Machine only while ``run`` runs.
Context: a launcher without threads.
"""

import contextlib
import functools
import gc
import os
from collections.abc import Callable

from hw import host, ram, stacks, trace
from hw.board import FIRST_DISK_SLOT, SLOT_CONSOLE, SLOT_ENTROPY, power_on, serial_of
from hw.cpu import code_store
from hw.cpu.regions import process as compiler_process
from hw.disk.block_back_end import BlockBackEnd
from hw.disk.console_back_end import ConsoleBackEnd
from hw.disk.image import Image, open_image
from hw.disk.process import (
    DEATH_SIGNAL,
    FIRST_PORT_SLOT,
    BackEnd,
    DeviceProcess,
    EntropyBackEnd,
)
from hw.disk.terminal import open_terminal
from hw.irq import doorbell
from hw.irq.acceptance import CoreReset
from hw.irq.local_apic import LOCAL_APICS
from hw.irq.party import (
    COMPILER_PARTY,
    DEVICE_PARTY,
    HEADER,
    LAUNCHER_PARTY,
    PARTIES,
    STATE_LAUNCHED,
    STATE_OFFLINE,
)
from hw.machine_config import MachineConfig
from hw.supervisor import Signals, Watch, Watcher
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory

#: What the kernel gives the machine to run on each core.
KernelEntry = Callable[[int], None]


class Machine:
    """One machine. ``run`` may be called once."""

    def __init__(self, config: MachineConfig, watcher: Watcher | None = None) -> None:
        self._config = config
        self._watcher = watcher
        self._queues: list[host.Queue] = []
        self._images: list[Image] = []
        inputs = {port.input_fd for port in config.ports if port.is_console}
        found = {fd: open_terminal(fd) for fd in sorted(inputs)}
        self._terminals = {fd: terminal for fd, terminal in found.items() if terminal is not None}

    def run(self, kernel_entry: KernelEntry, *, at_end: Callable[[], None] | None = None) -> int:
        """Run the machine until it ends; return its status.

        ``at_end`` is called in the launcher when all has ended and the memory is still there.

        ``kernel_entry(core)`` is called in core 0's process at once, and in another core's
        process when it was started by INIT and STARTUP.

        Raises:
            OSError: the host lacks memory, queues or processes.
            MachineError: a disk image cannot be used.

        """
        launcher_fd = host.own_pidfd()
        try:
            for disk in self._config.disks:
                self._images.append(open_image(disk))
            files = ram.create(self._config.ram_bytes)
            try:
                HEADER.launcher_pidfd = launcher_fd
                power_on(self._config, self._images)
                self._make_queues()
                stack_files = stacks.prepare([*range(self._config.cpus), DEVICE_PARTY])
                trace.CONTROL.enabled = self._config.trace is not None
                try:
                    return self._run(kernel_entry)
                finally:
                    if self._config.trace is not None:
                        self._config.trace.write_text("\n".join(trace.lines()) + "\n")
                    stacks.close(stack_files)
                    if at_end is not None:
                        at_end()
            finally:
                ram.close(files)
        finally:
            for queue in self._queues:
                queue.close()
            for image in self._images:
                os.close(image.fd)
            os.close(launcher_fd)

    def _run(self, kernel_entry: KernelEntry) -> int:
        """Fork, watch, and leave nothing but the status, and decoded code for the next machine."""
        code_store.open_store()
        ram.BOARD.freeze()
        ram.LEDGER.freeze()
        gc.collect()
        gc.freeze()
        with Signals() as signals:
            watch = Watch(self._config, {}, signals, self._watcher)
            try:
                for terminal in self._terminals.values():
                    terminal.make_raw()
                self._start(watch.children, kernel_entry)
                status = watch.run()
            finally:
                watch.stop()
                for terminal in self._terminals.values():
                    terminal.restore()
                gc.unfreeze()
        code_store.save()
        return status

    def _make_queues(self) -> None:
        parties = [*range(self._config.cpus), DEVICE_PARTY, LAUNCHER_PARTY, COMPILER_PARTY]
        for party in parties:
            queue = host.create_queue(party)
            self._queues.append(queue)
            PARTIES[party].doorbell_fd = queue.mqd
        for core in range(self._config.cpus):
            doorbell.prepare(core)

    def _start(self, children: dict[int, int], kernel_entry: KernelEntry) -> None:
        # The device process stays in the launcher's group: only a terminal's foreground group may
        # read it. A signal of its own when the launcher dies lets it restore the terminal.
        PARTIES[DEVICE_PARTY].pid = children[DEVICE_PARTY] = host.fork(
            "devices", self._run_devices, death_signal=DEATH_SIGNAL, own_group=False
        )
        if self._config.regions:
            PARTIES[COMPILER_PARTY].pid = children[COMPILER_PARTY] = host.fork(
                "compiler", compiler_process.run
            )
        for core in reversed(range(self._config.cpus)):
            PARTIES[core].pid = children[core] = host.fork(
                f"core {core}", functools.partial(run_core, core, kernel_entry)
            )

    def _run_devices(self) -> int:
        """Be the device process."""
        stacks.write_on_signal(DEVICE_PARTY)
        config = self._config
        memory = MachineMemory()
        console_device = VirtioDevice(SLOT_CONSOLE, memory)
        console_end = ConsoleBackEnd(console_device, config.ports, FIRST_PORT_SLOT)
        console_end.mark_terminals(set(self._terminals))
        entropy_device = VirtioDevice(SLOT_ENTROPY, memory)
        back_ends: dict[int, tuple[VirtioDevice, BackEnd]] = {
            SLOT_ENTROPY: (entropy_device, EntropyBackEnd(entropy_device)),
        }
        if config.ports:
            back_ends[SLOT_CONSOLE] = (console_device, console_end)
        for slot, image in enumerate(self._images, start=FIRST_DISK_SLOT):
            disk = VirtioDevice(slot, memory)
            back_ends[slot] = (disk, BlockBackEnd(disk, image, serial_of(slot)))
        terminals = list(self._terminals.values())
        return DeviceProcess(back_ends, console_end, len(config.ports), terminals).run()


def run_core(core: int, kernel_entry: KernelEntry) -> int:
    """Be a core: run the kernel each time the core is started, for ever."""
    stacks.write_on_signal(core)
    boot_core = core == 0
    record = PARTIES[core]
    apic = LOCAL_APICS[core]
    while True:
        if not boot_core:
            while apic.take_startup() is None:
                doorbell.halt(core)
        boot_core = False
        record.state = STATE_LAUNCHED
        with contextlib.suppress(CoreReset):
            kernel_entry(core)
        record.state = STATE_OFFLINE
