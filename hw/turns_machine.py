"""A machine without processes of its own: its cores and devices take turns in this one.

The console's bytes come from a file and go to a file, which are always ready; so nothing of the
host's pace shows.

State: as hw.machine; the files. Context: a process of its own, MPK_WATCH=turns.
"""

import functools
import gc
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hw import host, ram
from hw.irq.party import PARTIES
from hw.machine import KernelEntry, Machine, run_core
from hw.machine_config import MachineConfig, PortConfig
from hw.spec.watch import PLACE
from hw.turns import Turns


class TurnsMachine(Machine):
    """One machine, whose schedule is that of a seed."""

    def __init__(
        self,
        config: MachineConfig,
        seed: int,
        take_context: Callable[[], Any],
        put_context: Callable[[Any], None],
        looker: Callable[[int, int, int], None] | None = None,
    ) -> None:
        self._outputs: list[tuple[int, int]] = []
        super().__init__(replace(config, ports=tuple(map(self._port_of_files, config.ports))))
        self._turns = functools.partial(Turns, seed, take_context, put_context, looker)

    def _make_queues(self) -> None:
        """No queues: who waits is asked whether it still has to."""
        for record in PARTIES:
            record.doorbell_fd = -1

    def _run(self, kernel_entry: KernelEntry) -> int:
        ram.BOARD.freeze()
        ram.LEDGER.freeze()
        gc.collect()
        gc.freeze()
        gc.disable()
        turns = PLACE.observer = self._turns()
        for core in range(self._config.cpus):
            turns.add(f"core {core}", functools.partial(run_core, core, kernel_entry))
        turns.add("devices", self._run_devices)
        try:
            return turns.run(self._config.timeout_s)
        finally:
            self._copy_output()
            counts = turns.instructions()[: self._config.cpus]
            each = ", ".join(f"{count:,}" for count in counts)
            host.report(
                f"mpkernel: seed {turns.seed}: {turns.turns:,} turns, instructions {each},"
                f" {turns.now_ns():,} ns"
            )

    def _port_of_files(self, port: PortConfig) -> PortConfig:
        """The same port over files."""
        input_fd = output_fd = -1
        if port.input_fd >= 0:
            with os.fdopen(os.dup(port.input_fd), "rb") as source:
                input_fd = _file(source.read())
        if port.output_fd >= 0:
            output_fd = _file(b"")
            self._outputs.append((output_fd, port.output_fd))
        return replace(port, input_fd=input_fd, output_fd=output_fd)

    def _copy_output(self) -> None:
        sys.stdout.flush()
        for source, target in self._outputs:
            os.lseek(source, 0, os.SEEK_SET)
            with os.fdopen(os.dup(target), "wb") as sink:
                while data := os.read(source, 1 << 16):
                    sink.write(data)


def _file(data: bytes) -> int:
    """Descriptor of an unnamed file with these bytes, at its start."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())
