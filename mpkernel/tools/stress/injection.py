"""Disturbances from outside: what a busy host, a bad device or a dying process do to a machine.

State: private to the launcher. Context: the launcher, between two looks of the watcher.
"""

import contextlib
import os
import random
import signal
import time
from typing import Final

from hw.irq import delivery, doorbell
from hw.irq.party import PARTIES
from hw.spec.apic import DELIVERY_FIXED
from mpkernel.arch import topology
from mpkernel.arch.vectors import (
    VECTOR_CALL,
    VECTOR_RESCHEDULE,
    VECTOR_TLB_FLUSH,
    VECTOR_WATCH,
)

#: Longest time for which a core is stopped.
_LONGEST_DELAY_S: Final = 0.05
_STORM: Final = 200
#: Interrupts for which nobody has anything to do.
_SPURIOUS: Final = (VECTOR_RESCHEDULE, VECTOR_TLB_FLUSH, VECTOR_CALL, VECTOR_WATCH)


class Injection:
    """The disturbances of one trial, chosen by its seed."""

    def __init__(self, kinds: tuple[str, ...], seed: int, duration_s: float) -> None:
        self._kinds = kinds
        self._chance = random.Random(seed)
        self._began = time.monotonic()
        self._kill_after_s = self._chance.uniform(0.2, 0.8) * duration_s
        self._stopped: dict[int, float] = {}  #: by CPU, when it goes on
        self.killed: int | None = None
        self.count = 0

    def step(self) -> None:
        """Disturb the machine a little."""
        if "delays" in self._kinds:
            self._delay()
        if "spurious" in self._kinds:
            for _ in range(self._chance.randrange(4)):
                self._interrupt(self._chance.choice(_SPURIOUS))
        if "ipi-storm" in self._kinds and self._chance.random() < 0.3:
            for _ in range(_STORM):
                self._interrupt(self._chance.choice(_SPURIOUS))
        if "kill-core" in self._kinds and self.killed is None:
            self._kill()

    def end(self) -> None:
        """Let everybody go on."""
        for index in list(self._stopped):
            self._signal(index, signal.SIGCONT)
        self._stopped.clear()

    def _delay(self) -> None:
        now = time.monotonic()
        for index, until in list(self._stopped.items()):
            if now >= until:
                self._signal(index, signal.SIGCONT)
                del self._stopped[index]
        index = self._chance.randrange(topology.cpu_count())
        if index not in self._stopped and self._chance.random() < 0.5:
            self._stopped[index] = now + self._chance.uniform(0.001, _LONGEST_DELAY_S)
            self._signal(index, signal.SIGSTOP)
            self.count += 1

    def _interrupt(self, vector: int) -> None:
        index = self._chance.randrange(topology.cpu_count())
        delivery.deliver(index, DELIVERY_FIXED, vector)
        doorbell.ring(index)
        self.count += 1

    def _kill(self) -> None:
        if time.monotonic() - self._began < self._kill_after_s:
            return
        self.killed = self._chance.randrange(topology.cpu_count())
        self._signal(self.killed, signal.SIGKILL)
        self.count += 1

    def _signal(self, index: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(PARTIES[index].pid, number)
