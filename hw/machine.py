"""The machine: what is plugged where, and how it starts and ends.

    launcher: memory, clock, firmware, queues; forks
       +-- core 0 .. n-1   one process, one thread each; core 0 runs the kernel at once, the
       |                   others sleep until INIT and STARTUP
       +-- devices         back ends of disks, console, entropy; fires the HPET
    launcher: watches until the end, leaves nothing

State: RAM and board memory; this process's Machine only while ``run`` runs.
Context: a launcher without threads.
"""

import functools
import gc
import os
from collections.abc import Callable

from hw import clock, host, ram
from hw.firmware import boot_info
from hw.irq import apic_state, doorbell, io_apic
from hw.irq.local_apic import LOCAL_APICS, CoreReset
from hw.irq.party import (
    DEVICE_PARTY,
    HEADER,
    LAUNCHER_PARTY,
    PARTIES,
    STATE_LAUNCHED,
    STATE_OFFLINE,
)
from hw.machine_config import MachineConfig
from hw.supervisor import Signals, Watch

#: What the kernel gives the machine to run on each core.
KernelEntry = Callable[[int], None]


class Machine:
    """One machine. ``run`` may be called once."""

    def __init__(self, config: MachineConfig) -> None:
        self._config = config
        self._queues: list[host.Queue] = []

    def run(self, kernel_entry: KernelEntry) -> int:
        """Run the machine until it ends; return its status.

        ``kernel_entry(core)`` is called in core 0's process at once, and in another core's
        process when it was started by INIT and STARTUP.

        Raises:
            OSError: the host lacks memory, queues or processes.
            MachineError: a disk image cannot be used.
        """
        files = ram.create(self._config.ram_bytes)
        launcher_fd = host.own_pidfd()
        try:
            ram.BOARD.freeze()
            HEADER.launcher_pidfd = launcher_fd
            power_on(self._config)
            self._make_queues()
            with Signals() as signals:
                watch = Watch(self._config, {}, signals)
                gc.collect()
                gc.freeze()
                try:
                    self._start(watch.children, kernel_entry)
                    return watch.run()
                finally:
                    watch.stop()
        finally:
            gc.unfreeze()
            for queue in self._queues:
                queue.close()
            os.close(launcher_fd)
            ram.close(files)

    def _make_queues(self) -> None:
        parties = [*range(self._config.cpus), DEVICE_PARTY, LAUNCHER_PARTY]
        for party in parties:
            queue = host.create_queue(party)
            self._queues.append(queue)
            PARTIES[party].doorbell_fd = queue.mqd
        for core in range(self._config.cpus):
            doorbell.prepare(core)

    def _start(self, children: dict[int, int], kernel_entry: KernelEntry) -> None:
        for core in reversed(range(self._config.cpus)):
            PARTIES[core].pid = children[core] = host.fork(
                f"core {core}", functools.partial(run_core, core, kernel_entry)
            )


def power_on(config: MachineConfig) -> None:
    """Bring freshly made memory into the state of a machine whose power came on."""
    HEADER.core_count = config.cpus
    for core in range(config.cpus):
        PARTIES[core].apic_id = config.apic_id(core)
        PARTIES[core].node = config.node_of_core(core)
        apic_state.reset(core, boot_core=core == 0)
    io_apic.reset()
    clock.start()
    boot_info.write(config)


def run_core(core: int, kernel_entry: KernelEntry) -> int:
    """Be a core: run the kernel each time the core is started, for ever."""
    boot_core = core == 0
    record = PARTIES[core]
    apic = LOCAL_APICS[core]
    while True:
        if not boot_core:
            while apic.take_startup() is None:
                doorbell.halt(core)
        boot_core = False
        record.state = STATE_LAUNCHED
        try:
            kernel_entry(core)
        except CoreReset:
            pass
        record.state = STATE_OFFLINE
