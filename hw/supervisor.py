"""The launcher's watch over a running machine: who ended, why, and with which status.

Statuses: 0-255 from power-off, 70 a core's exception, 71 a process lost, 124 timeout, 128+n a
signal that ended it. Whatever happens, no process of the machine outlives ``watch``.

State: private to the launcher. Context: the launcher, after the fork.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, Protocol, Self

from hw import host
from hw.bus import board_registers
from hw.host import PollSet
from hw.irq import doorbell
from hw.irq.party import (
    DEVICE_PARTY,
    LAUNCHER_PARTY,
    MODE_HALTED,
    MODE_KERNEL,
    PARTIES,
    STATE_LOST,
    name_of,
)
from hw.machine_config import MachineConfig

STATUS_PANIC: Final = 70
STATUS_LOST: Final = 71
STATUS_DEADLOCK: Final = 72
STATUS_TIMEOUT: Final = 124
_OWN_STATUSES: Final = (STATUS_PANIC, STATUS_DEADLOCK)
#: How long console ports may take to write out what they were sent: after a power-off, and after
#: an end that nobody asked for.
_DRAIN_SECONDS: Final = 1.0
_SHORT_DRAIN_SECONDS: Final = 0.3
_SECOND_INTERRUPT_SECONDS: Final = 1.0
_NS: Final = 1_000_000_000

_WATCHED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)


class Watcher(Protocol):
    """Looks at the running machine from outside, in the launcher."""

    @property
    def interval_ns(self) -> int:
        """Time between two looks."""

    def look(self) -> int | None:
        """Return the status with which the machine must stop, None if it may go on."""


class Signals:
    """Signals of the launcher while the machine runs, kept until ``take``."""

    def __init__(self) -> None:
        self._seen: list[int] = []
        self._old: dict[int, Any] = {}
        self.fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        for number in _WATCHED:
            self._old[number] = signal.signal(number, self._on_signal)
        self._old_wakeup = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        os.close(self.fd)
        os.close(self._write_fd)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._seen.append(number)

    def take(self) -> list[int]:
        """Return the signals since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)
        seen, self._seen = self._seen, []
        return seen


@dataclass
class Watch:
    """One run of a machine, from the fork to its status."""

    config: MachineConfig
    children: dict[int, int]  #: party -> pid
    signals: Signals
    watcher: Watcher | None = None
    _pidfds: dict[int, int] = field(default_factory=dict)
    _last_interrupt: float = -1e9
    _started: float = field(default_factory=time.monotonic)

    def run(self) -> int:
        """Watch until the machine ends; return its status. The caller stops what is left."""
        self._pidfds = {party: os.pidfd_open(pid) for party, pid in self.children.items()}
        status = self._until_end()
        if DEVICE_PARTY in self.children:
            orderly = board_registers.power_off_status() is not None
            self._drain(_DRAIN_SECONDS if orderly else _SHORT_DRAIN_SECONDS)
        return status

    def stop(self) -> None:
        """End every process that is left and wait for it."""
        for pid in self.children.values():
            host.kill(pid)
        for pid in self.children.values():
            os.waitpid(pid, 0)
        self.children.clear()
        for fd in self._pidfds.values():
            os.close(fd)
        self._pidfds.clear()

    def _until_end(self) -> int:
        parties = list(self.children)
        queue_fd = PARTIES[LAUNCHER_PARTY].doorbell_fd
        polls = PollSet([queue_fd, self.signals.fd, *(self._pidfds[party] for party in parties)])
        while True:
            mode = PARTIES[LAUNCHER_PARTY].mode
            mode.xchg(MODE_HALTED)
            status = board_registers.power_off_status()
            if status is None:
                polls.wait(self._patience_ns())
                status = self._what_happened(polls, parties)
            mode.xchg(MODE_KERNEL)
            host.queue_take(queue_fd)
            if status is None:
                status = self._look()
            if status is not None:
                return status

    def _patience_ns(self) -> int | None:
        """How long to sleep if nothing happens, None for ever."""
        waits = [] if self.watcher is None else [self.watcher.interval_ns]
        if self.config.timeout_s is not None:
            waits.append(int((self._started + self.config.timeout_s - time.monotonic()) * _NS))
        return min(waits) if waits else None

    def _look(self) -> int | None:
        """Whether time is over, or the watcher sees what must not be."""
        limit = self.config.timeout_s
        if limit is not None and time.monotonic() - self._started >= limit:
            host.report(f"mpkernel: the machine did not end within {limit:g} s")
            return STATUS_TIMEOUT
        return None if self.watcher is None else self.watcher.look()

    def _what_happened(self, polls: PollSet, parties: list[int]) -> int | None:
        for number in self.signals.take():
            status = self._on_signal(number)
            if status is not None:
                return status
        for slot, party in enumerate(parties, start=2):
            if polls.ready(slot):
                return self._ended(party)
        return board_registers.power_off_status()

    def _ended(self, party: int) -> int:
        """Name a process that ended while the machine ran; return the machine's status."""
        pid = self.children.pop(party)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        PARTIES[party].state = STATE_LOST
        status = board_registers.power_off_status()
        if status is not None:
            return status
        if code in _OWN_STATUSES and party != DEVICE_PARTY:
            return code
        reason = f"killed by signal {-code}" if code < 0 else f"ended with status {code}"
        host.report(f"mpkernel: {name_of(party)} was lost ({reason}); the machine stops")
        return STATUS_LOST

    def _on_signal(self, number: int) -> int | None:
        if number == signal.SIGWINCH:
            board_registers.STATE.resized.store(1)
            doorbell.ring(DEVICE_PARTY)
            if self.config.forward_signals:
                board_registers.post_signal(number)
            return None
        now = time.monotonic()
        again = number == signal.SIGINT and now - self._last_interrupt < _SECOND_INTERRUPT_SECONDS
        if number == signal.SIGINT:
            self._last_interrupt = now
        if self.config.forward_signals and not again and board_registers.post_signal(number):
            return None
        return 128 + number

    def _drain(self, seconds: float) -> None:
        """Let the device process write out what the console ports were sent."""
        board_registers.power_off(0)
        fd = self._pidfds[DEVICE_PARTY]
        queue_fd = PARTIES[LAUNCHER_PARTY].doorbell_fd
        polls = PollSet([queue_fd, fd])
        end = time.monotonic() + seconds
        mode = PARTIES[LAUNCHER_PARTY].mode
        while not board_registers.STATE.drained.value:
            left = end - time.monotonic()
            if left <= 0 or polls.ready(1):
                break
            mode.xchg(MODE_HALTED)
            if not board_registers.STATE.drained.value:
                polls.wait(int(left * _NS))
            mode.xchg(MODE_KERNEL)
            host.queue_take(queue_fd)
