"""Console device: ports with names, and the control messages about them.

    driver: DEVICE_READY     device: PORT_ADD for each port
    driver: PORT_READY n     device: CONSOLE_PORT?, PORT_NAME, RESIZE?, PORT_OPEN n 1
    ...                      device: PORT_OPEN n 0 when the host's end of port n is closed

Sans-I/O: this file says what to answer; the device process moves the bytes.

Spec: virtio 1.2, 5.3. State: private to whoever runs the device; a reset begins it anew.
Context: whoever runs the device.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hw.spec.virtio import (
    CONSOLE_CONSOLE_PORT,
    CONSOLE_DEVICE_READY,
    CONSOLE_F_MULTIPORT,
    CONSOLE_F_SIZE,
    CONSOLE_PORT_ADD,
    CONSOLE_PORT_NAME,
    CONSOLE_PORT_OPEN,
    CONSOLE_PORT_READY,
    CONSOLE_RESIZE,
    ConsoleConfig,
    ConsoleControl,
    ConsoleSize,
    console_rx_queue,
)

FEATURES: Final = CONSOLE_F_SIZE | CONSOLE_F_MULTIPORT


@dataclass(frozen=True)
class Port:
    """A port as the driver sees it."""

    name: str
    is_console: bool


def queue_count(ports: int) -> int:
    """Return how many queues a console with so many ports has."""
    return max(console_rx_queue(ports - 1) + 2, 4)


def config(ports: int, cols: int, rows: int) -> bytes:
    """Return the device configuration."""
    return bytes(ConsoleConfig(cols=cols, rows=rows, max_nr_ports=ports))


@dataclass
class Control:
    """The conversation on the control queues."""

    ports: Sequence[Port]
    cols: int
    rows: int
    #: Messages for the driver that wait for a buffer.
    outgoing: deque[bytes] = field(default_factory=deque)
    #: Ports whose driver is ready.
    ready: set[int] = field(default_factory=set)
    #: Ports whose end on the host is closed.
    closed: set[int] = field(default_factory=set)

    def reset(self) -> None:
        """Forget the conversation."""
        self.outgoing.clear()
        self.ready.clear()

    def receive(self, data: bytes) -> None:
        """Take a message of the driver; one that makes no sense is ignored (5.3.6.2)."""
        if len(data) < ConsoleControl.SIZE:
            return
        message = ConsoleControl.from_buffer_copy(data)
        if message.event == CONSOLE_DEVICE_READY and message.value:
            for index in range(len(self.ports)):
                self._send(index, CONSOLE_PORT_ADD, 1)
        known = message.id < len(self.ports)
        if message.event == CONSOLE_PORT_READY and message.value and known:
            self._introduce(message.id)

    def _introduce(self, index: int) -> None:
        port = self.ports[index]
        self.ready.add(index)
        if port.is_console:
            self._send(index, CONSOLE_CONSOLE_PORT, 1)
            self._send_size(index)
        self._send(index, CONSOLE_PORT_NAME, 1, port.name.encode())
        self._send(index, CONSOLE_PORT_OPEN, int(index not in self.closed))

    def resize(self, cols: int, rows: int) -> None:
        """Tell the driver another size of the console ports."""
        self.cols, self.rows = cols, rows
        for index, port in enumerate(self.ports):
            if port.is_console and index in self.ready:
                self._send_size(index)

    def close(self, index: int) -> None:
        """Tell the driver that nobody is at the host's end of a port any more."""
        if index not in self.closed:
            self.closed.add(index)
            if index in self.ready:
                self._send(index, CONSOLE_PORT_OPEN, 0)

    def _send_size(self, index: int) -> None:
        self._send(index, CONSOLE_RESIZE, 0, bytes(ConsoleSize(self.cols, self.rows)))

    def _send(self, index: int, event: int, value: int, rest: bytes = b"") -> None:
        self.outgoing.append(bytes(ConsoleControl(index, event, value)) + rest)
