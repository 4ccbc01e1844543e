"""The device process: the one loop behind disks, console and entropy, and the HPET's clock hand.

    sleep in ppoll: doorbell | launcher | console descriptors | next HPET comparator
    wake: take the work word, serve the devices it names, move console bytes, fire timers

State: private back ends; all that a driver sees is in board memory and RAM.
Locks: none held while it sleeps. Context: one process, one thread.
"""

import gc
import os
import signal
from collections.abc import Sequence
from typing import Final, Protocol

from hw import host
from hw.bus import board_registers, device_work
from hw.disk.console_back_end import ConsoleBackEnd
from hw.disk.terminal import Terminal
from hw.host import PollSet
from hw.irq import doorbell, hpet
from hw.irq.party import (
    DEVICE_PARTY,
    HEADER,
    LAUNCHER_PARTY,
    MODE_HALTED,
    MODE_KERNEL,
    MODE_RUNG,
    PARTIES,
)
from hw.virtio import rng, transport
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import DriverError
from hw.virtio.queue import Chain

#: Poll slots before those of the console.
SLOT_DOORBELL: Final = 0
SLOT_LAUNCHER: Final = 1
#: What this process gets when the launcher ends; SIGTERM is often sent to a whole group.
DEATH_SIGNAL: Final = signal.SIGUSR2
FIRST_PORT_SLOT: Final = 2
_STATUS_LOST: Final = 71


class BackEnd(Protocol):
    """What serves one device."""

    def serve(self) -> None:
        """Do all that can be done without waiting for the host."""


class EntropyBackEnd:
    """The back end of the entropy device."""

    def __init__(self, device: VirtioDevice) -> None:
        self._device = device

    def serve(self) -> None:
        """Fill all buffers there are."""
        while (chain := self._device.take(0)) is not None:
            self._device.give(0, chain, self._run(chain))

    def _run(self, chain: Chain) -> int:
        steps = rng.serve(self._device.memory, chain)
        try:
            steps.send(os.urandom(next(steps).size))
        except StopIteration as end:
            written: int = end.value
            return written
        except DriverError:
            transport.fail(self._device.slot)
        return 0


class DeviceProcess:
    """The loop. ``back_ends`` maps PCI slots to devices and what serves them."""

    def __init__(
        self,
        back_ends: dict[int, tuple[VirtioDevice, BackEnd]],
        console: ConsoleBackEnd,
        port_count: int,
        terminals: Sequence[Terminal],
    ) -> None:
        self._back_ends = back_ends
        self._console = console
        self._terminals = terminals
        self._polls = PollSet([-1] * (FIRST_PORT_SLOT + 2 * port_count))
        self._polls.want(SLOT_DOORBELL, PARTIES[DEVICE_PARTY].doorbell_fd, host.POLLIN)
        self._polls.want(SLOT_LAUNCHER, HEADER.launcher_pidfd, host.POLLIN)

    def run(self) -> int:
        """Serve until the machine ends."""
        signal.signal(DEATH_SIGNAL, self._on_launcher_death)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher decides what it means
        gc.enable()
        while True:
            self._serve()
            self._sleep()
            if self._polls.ready(SLOT_LAUNCHER):
                self._leave()
            if self._console.move(self._polls):
                self._serve_console()

    def _serve(self) -> None:
        work = device_work.take()
        for slot, (device, back_end) in self._back_ends.items():
            if work >> slot & 1:
                self._serve_device(device, back_end)
        hpet.fire_due()
        if board_registers.STATE.resized.value and board_registers.STATE.resized.xchg(0):
            self._console.resize()
        ending = board_registers.power_off_status() is not None
        if ending and self._console.is_drained() and not board_registers.STATE.drained.xchg(1):
            doorbell.ring(LAUNCHER_PARTY)

    def _serve_device(self, device: VirtioDevice, back_end: BackEnd) -> None:
        if device.take_reset():
            if back_end is self._console:
                self._console.reset()
                self._console.want(self._polls)
            return
        device.take_notified()
        if back_end is self._console:
            self._serve_console()
        else:
            back_end.serve()

    def _serve_console(self) -> None:
        self._console.serve()
        self._console.want(self._polls)

    def _sleep(self) -> None:
        """Wait for work, bytes or time."""
        mode = PARTIES[DEVICE_PARTY].mode
        mode.xchg(MODE_HALTED)
        woken = False
        if not device_work.WORK.bits.value and not self._board_wants():
            woken = self._polls.wait(hpet.next_due_ns())
        else:
            self._polls.wait(0)
        if mode.xchg(MODE_KERNEL) == MODE_RUNG or (woken and self._polls.ready(SLOT_DOORBELL)):
            host.queue_take(PARTIES[DEVICE_PARTY].doorbell_fd)

    def _board_wants(self) -> bool:
        state = board_registers.STATE
        ends = state.power_off.value and not state.drained.value and self._console.is_drained()
        return bool(state.resized.value or ends)

    def _leave(self) -> None:
        for terminal in self._terminals:
            terminal.restore()
        os._exit(_STATUS_LOST)

    def _on_launcher_death(self, _number: int, _frame: object) -> None:
        self._leave()
