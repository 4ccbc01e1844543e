"""Console ports joined to descriptors of the host.

    input:   POLLIN, asked for only while the driver has buffers -> bytes -> receive queue
    output:  transmit queue -> bytes, the chain is given back when the host took the last one

A slow reader on the host so slows the program that writes, and nothing else.

State: private to the device process. Context: device process.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hw import host
from hw.bus import board_registers
from hw.disk import streams
from hw.disk.terminal import EscapeKeys, size_of
from hw.host import PollSet
from hw.machine_config import PortConfig
from hw.spec.virtio import (
    CONSOLE_CONTROL_RX,
    CONSOLE_CONTROL_TX,
    console_rx_queue,
    console_tx_queue,
)
from hw.virtio.console import Control, Port
from hw.virtio.device import VirtioDevice
from hw.virtio.queue import Chain

END_OF_INPUT: Final = b"\x04"
_MAX_CONTROL_BYTES: Final = 256
#: Bytes of a chain that are copied at a time, however long the driver made it.
_OUTPUT_BYTES: Final = 1 << 16


@dataclass
class PortEnd:
    """The host's end of one port."""

    config: PortConfig
    is_terminal: bool = False
    input: bytes = b""  #: read from the host, not yet with the driver
    input_over: bool = False  #: the host has no more
    chain: Chain | None = None  #: whose bytes are being written out
    sent: int = 0  #: bytes of it that the host has
    output: bytes = b""  #: the next of them
    output_closed: bool = False
    keys: EscapeKeys = field(default_factory=EscapeKeys)


class ConsoleBackEnd:
    """The back end of the console device. Poll slots: two a port from ``first_slot`` on."""

    def __init__(
        self, device: VirtioDevice, ports: tuple[PortConfig, ...], first_slot: int
    ) -> None:
        self._device = device
        self._ends = [PortEnd(port) for port in ports]
        self._first_slot = first_slot
        cols, rows = console_size(ports)
        self._control = Control([Port(p.name, p.is_console) for p in ports], cols, rows)

    def mark_terminals(self, fds: set[int]) -> None:
        """Say which inputs are terminals in raw mode: there ^D is a key and Ctrl-A commands."""
        for end in self._ends:
            end.is_terminal = end.config.input_fd in fds

    # -- the driver's side ------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget what was under way; the driver starts anew."""
        self._control.reset()
        for end in self._ends:
            end.chain = None
            end.output = b""

    def serve(self) -> None:
        """Do all that can be done without waiting for the host."""
        self._serve_control()
        for index, end in enumerate(self._ends):
            self._deliver(index, end)
            self._fetch(index, end)
        self._serve_control_out()

    def _serve_control(self) -> None:
        while (chain := self._device.take(CONSOLE_CONTROL_TX)) is not None:
            self._control.receive(self._device.gather(chain, 0, _MAX_CONTROL_BYTES))
            self._device.give(CONSOLE_CONTROL_TX, chain, 0)
        self._serve_control_out()

    def _serve_control_out(self) -> None:
        outgoing = self._control.outgoing
        while outgoing and (chain := self._device.take(CONSOLE_CONTROL_RX)) is not None:
            written = self._device.scatter(chain, outgoing.popleft())
            self._device.give(CONSOLE_CONTROL_RX, chain, written)

    def _deliver(self, index: int, end: PortEnd) -> None:
        """Give input to the driver."""
        queue = console_rx_queue(index)
        while end.input and (chain := self._device.take(queue)) is not None:
            written = self._device.scatter(chain, end.input)
            end.input = end.input[written:]
            self._device.give(queue, chain, written)
        if end.input_over and not end.input:
            self._control.close(index)

    def _fetch(self, index: int, end: PortEnd) -> None:
        """Take the next output of the driver; where nobody reads, it is swallowed."""
        queue = console_tx_queue(index)
        while end.chain is None and (chain := self._device.take(queue)) is not None:
            if end.config.output_fd < 0 or end.output_closed:
                self._device.give(queue, chain, 0)
                continue
            end.chain = chain
            end.sent = 0
            self._next_output(index, end)

    def _next_output(self, index: int, end: PortEnd) -> None:
        """Copy the next part of the chain; give the chain back if there is none."""
        assert end.chain is not None
        end.output = self._device.gather(end.chain, end.sent, _OUTPUT_BYTES)
        if not end.output or end.output_closed:
            self._device.give(console_tx_queue(index), end.chain, 0)
            end.chain = None
            end.output = b""

    # -- the host's side --------------------------------------------------------------------------

    def want(self, polls: PollSet) -> None:
        """Say what to wait for."""
        for index, end in enumerate(self._ends):
            slot = self._first_slot + 2 * index
            reads = (
                end.config.input_fd >= 0
                and not end.input
                and not end.input_over
                and self._device.waiting(console_rx_queue(index)) > 0
            )
            polls.want(slot, end.config.input_fd if reads else -1, host.POLLIN)
            polls.want(slot + 1, end.config.output_fd if end.output else -1, host.POLLOUT)

    def move(self, polls: PollSet) -> bool:
        """Read and write what is ready; return whether something was."""
        moved = False
        for index, end in enumerate(self._ends):
            slot = self._first_slot + 2 * index
            if polls.ready(slot):
                self._read(end)
                moved = True
            if polls.ready(slot + 1):
                self._write(index, end)
                moved = True
        return moved

    def _read(self, end: PortEnd) -> None:
        data = streams.read(end.config.input_fd)
        if data is None:
            return
        if not data:
            end.input_over = True
            if end.config.is_console:
                end.input = END_OF_INPUT
            return
        if end.is_terminal:
            data, shown, ends = end.keys.filter(data)
            board_registers.debug_write(shown)
            if ends:
                board_registers.power_off(0)
        end.input = data

    def _write(self, index: int, end: PortEnd) -> None:
        try:
            done = streams.write(end.config.output_fd, end.output)
        except streams.ClosedError:
            done = 0
            end.output = b""
            end.output_closed = True
            self._control.close(index)
        end.sent += done
        end.output = end.output[done:]
        if not end.output:
            self._next_output(index, end)

    def is_drained(self) -> bool:
        """Whether all that the driver sent is out."""
        return all(
            end.chain is None and not self._device.waiting(console_tx_queue(index))
            for index, end in enumerate(self._ends)
        )

    def resize(self) -> None:
        """Tell the driver the terminal's size."""
        self._control.resize(*console_size([end.config for end in self._ends]))
        self._serve_control_out()


def console_size(ports: Sequence[PortConfig]) -> tuple[int, int]:
    """Return the console's columns and rows: 0 x 0 where nobody types at a terminal."""
    for port in ports:
        if port.is_console and port.input_fd >= 0 and os.isatty(port.input_fd):
            return size_of(port.output_fd)
    return 0, 0
