"""Console driver: brings the device up and holds the conversation about its ports.

    we: DEVICE_READY      device: PORT_ADD n
    we: PORT_READY n      device: CONSOLE_PORT?, RESIZE?, PORT_NAME, PORT_OPEN n 1 | 0
    ...                   device: RESIZE, PORT_OPEN n 0

Control messages are answered in the interrupt. A console port feeds the terminal through the seam
CONSOLE_INPUT; where the host's end is no terminal, its size is 0 x 0.

Spec: virtio 1.2, 5.3. State: RAM (CONSOLE, PORTS). Locks: those of the control queues.
Context: probe, task; control messages, interrupt; input for the terminal, deferred work.
"""

import ctypes
from typing import Annotated, Final, Protocol

from hw.spec.layout import Layout, atomic, fixed, layout, u32, u64
from hw.spec.virtio import (
    CONSOLE_CONSOLE_PORT,
    CONSOLE_CONTROL_RX,
    CONSOLE_CONTROL_TX,
    CONSOLE_DEVICE_READY,
    CONSOLE_F_MULTIPORT,
    CONSOLE_F_SIZE,
    CONSOLE_PORT_ADD,
    CONSOLE_PORT_NAME,
    CONSOLE_PORT_OPEN,
    CONSOLE_PORT_READY,
    CONSOLE_RESIZE,
    TYPE_CONSOLE,
    ConsoleConfig,
    ConsoleControl,
    ConsoleSize,
    console_rx_queue,
    console_tx_queue,
)
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.drivers.bus import DriverRefusalError
from mpkernel.drivers.pci import PciFunction
from mpkernel.drivers.virtio import port as console_port
from mpkernel.drivers.virtio import transport
from mpkernel.drivers.virtio.port import NAME_BYTES, Port
from mpkernel.drivers.virtio.queue import Virtqueue, zero_frames
from mpkernel.drivers.virtio.transport import Transport
from mpkernel.irq.vectors import (
    HANDLER_CONSOLE_CONTROL,
    HANDLER_CONSOLE_RX,
    HANDLER_CONSOLE_TX,
)
from mpkernel.sched.timer import now_ns
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.seam import Seam
from mpkernel.trace import log

MAX_PORTS: Final = 8
_CONTROL_BUFFERS: Final = 16
_CONTROL_BYTES: Final = 256
#: Bytes of a message that we send, each in a place of its own.
_MESSAGE_BYTES: Final = 16
_INTRODUCTION_NS: Final = 5_000_000_000
_PIECE: Final = 4096


class ConsoleInput(Protocol):
    """The terminal, as the driver sees it. Called from deferred work, no lock held."""

    def receive(self, data: bytes) -> int:
        """Take bytes that were typed; return how many, the others are offered again."""

    def hang_up(self) -> None:
        """No more input will come."""

    def resize(self, cols: int, rows: int) -> None:
        """The host's terminal has this size; 0 x 0: it is no terminal."""


CONSOLE_INPUT: Final[Seam[ConsoleInput]] = Seam("console input")


@layout()
class Console(Layout):
    """The console device."""

    control_rx: Annotated[u64, fixed]  #: Virtqueue, 0: no device
    control_tx: Annotated[u64, fixed]
    port_count: Annotated[u32, fixed]
    known_ports: Annotated[u32, atomic]  #: ports that the device has introduced
    waiter: WaitQueue  #: for the introductions


CONSOLE: Final = memory.static(Console)
PORTS: Final = memory.static_array(Port, MAX_PORTS)


def find_port(name: str) -> Port:
    """The port of that name.

    Raises:
        SysError: ENXIO, there is none.
    """
    for port in PORTS[: CONSOLE.port_count]:
        if port.is_known and console_port.name_of(port) == name:
            return port
    raise SysError(Errno.ENXIO)


def main_port() -> Port | None:
    """The console port, None if the machine has none."""
    for port in PORTS[: CONSOLE.port_count]:
        if port.is_known and port.is_console:
            return port
    return None


class VirtioConsole:
    """The driver; holds nothing."""

    name = "virtio-console"

    def matches(self, function: PciFunction) -> bool:
        """Whether this is a virtio console, and the first."""
        return transport.is_virtio(function, TYPE_CONSOLE) and not CONSOLE.control_rx

    async def probe(self, function: PciFunction) -> None:
        """Bring the device up; wait until it has told about all its ports."""
        device = Transport(function)
        features = device.negotiate(CONSOLE_F_SIZE | CONSOLE_F_MULTIPORT)
        if not features & CONSOLE_F_MULTIPORT:
            raise DriverRefusalError("a console without ports")
        count = device.config(ConsoleConfig.offset_of("max_nr_ports"), 4)
        if count > MAX_PORTS:
            log.warning(f"console has {count} ports; {MAX_PORTS} are used")
        count = min(count, MAX_PORTS)
        CONSOLE.waiter.init()
        CONSOLE.known_ports = 0
        CONSOLE.port_count = count
        for index in range(count):
            rx = device.add_queue(console_rx_queue(index), HANDLER_CONSOLE_RX)
            tx = device.add_queue(console_tx_queue(index), HANDLER_CONSOLE_TX)
            PORTS[index].init(index, rx, tx)
        control_rx = device.add_queue(CONSOLE_CONTROL_RX, HANDLER_CONSOLE_CONTROL)
        control_tx = device.add_queue(CONSOLE_CONTROL_TX, HANDLER_CONSOLE_CONTROL)
        control_rx.buffers, control_tx.buffers = zero_frames(1), zero_frames(1)
        with control_rx.lock.irqsave():
            for number in range(_CONTROL_BUFFERS):
                at = control_rx.buffers + _CONTROL_BYTES * number
                control_rx.post_locked([(at, _CONTROL_BYTES, True)])
        CONSOLE.control_tx = control_tx.phys
        CONSOLE.control_rx = control_rx.phys
        device.start()
        for port in PORTS[:count]:
            Virtqueue.at(port.rx).notify()
        control_rx.notify()
        _send(0, CONSOLE_DEVICE_READY, 1)
        deadline = now_ns() + _INTRODUCTION_NS
        if not await CONSOLE.waiter.wait_until(
            lambda: CONSOLE.known_ports >= count, interruptible=False, deadline_ns=deadline
        ):
            log.warning(f"console: {CONSOLE.known_ports} of {count} ports are known")

    def spread(self, function: PciFunction, cpus: list[int]) -> None:
        """Leave the interrupts on the first CPU: they are rare."""


# -- control messages ------------------------------------------------------------------------------


def _send(port: int, event: int, value: int) -> None:
    """Send a control message; there is always room, because answers are few."""
    queue = Virtqueue.at(CONSOLE.control_tx)
    with queue.lock.irqsave():
        while (used := queue.take_used_locked()) is not None:
            queue.release_locked(used[0])
        if not queue.free_count:
            log.warning("console: no room for a control message")
            return
        at = queue.buffers + _MESSAGE_BYTES * queue.free_head
        memory.write(at, bytes(ConsoleControl(port, event, value)))
        queue.post_locked([(at, ConsoleControl.SIZE, False)])
    queue.notify()


def on_control(queue_at: int) -> None:
    """Control messages came: take them all, then answer."""
    queue = Virtqueue.at(queue_at)
    if queue_at != CONSOLE.control_rx:
        return  # ours were read; their places are taken back when the next is sent
    messages = []
    with queue.lock.irqsave():
        while (used := queue.take_used_locked()) is not None:
            head, size = used
            at = queue.desc[head].addr
            messages.append(memory.read(at, min(size, _CONTROL_BYTES)))
            queue.release_locked(head)
            queue.post_locked([(at, _CONTROL_BYTES, True)])
    if messages:
        queue.notify()
    for data in messages:
        if len(data) >= ConsoleControl.SIZE:
            message = ConsoleControl.from_buffer_copy(data)
            if message.id < CONSOLE.port_count:
                _receive(PORTS[message.id], message, data[ConsoleControl.SIZE :])


def _receive(port: Port, message: ConsoleControl, rest: bytes) -> None:
    event = message.event
    if event == CONSOLE_PORT_ADD:
        _send(port.index, CONSOLE_PORT_READY, 1)
        _send(port.index, CONSOLE_PORT_OPEN, 1)
    elif event == CONSOLE_CONSOLE_PORT:
        port.is_console = 1
    elif event == CONSOLE_RESIZE and len(rest) >= ConsoleSize.SIZE:
        size = ConsoleSize.from_buffer_copy(rest)
        port.cols, port.rows = size.cols, size.rows
        console_port.state_changed(port)
    elif event == CONSOLE_PORT_NAME:
        name = rest[: NAME_BYTES - 1].rstrip(b"\0")
        ctypes.memmove(port.name, name.ljust(NAME_BYTES, b"\0"), NAME_BYTES)
    elif event == CONSOLE_PORT_OPEN:
        port.is_open = message.value
        if not port.is_known:
            port.is_known = 1
            CONSOLE.known_ports += 1
            CONSOLE.waiter.wake_all()
        console_port.state_changed(port)


# -- the console port and the terminal -------------------------------------------------------------


def feed_terminal(port_at: int) -> None:
    """Deferred work: tell the terminal all that is new at its port.

    One CPU feeds at a time; another that comes meanwhile has it look once more.
    """
    port = Port.at(port_at)
    if port.feeders.add(1):
        return
    while True:
        seen = port.feeders.value
        _feed(port, CONSOLE_INPUT.get())
        if port.feeders.cas(seen, 0) == seen:
            return


def _feed(port: Port, terminal: ConsoleInput) -> None:
    """Give the terminal its size and what was typed, as far as it has room."""
    terminal.resize(port.cols, port.rows)
    while True:
        is_over = not port.is_open  # before the look at the data: they come first
        data = console_port.peek(port, _PIECE)
        if not data:
            break
        taken = terminal.receive(data)
        if taken:
            console_port.consume(port, taken)
        if taken < len(data):
            return  # ConsoleOutput.resume_input comes when there is room
    if is_over and port.is_known:
        terminal.hang_up()


class ConsoleOutput:
    """The console port, as the terminal sees it; holds nothing."""

    async def write(self, data: bytes) -> int:
        """Write all bytes."""
        port = main_port()
        return len(data) if port is None else await console_port.write(port, data)

    def put(self, data: bytes) -> int:
        """Write what fits without waiting: echo."""
        port = main_port()
        return len(data) if port is None else console_port.put(port, data)

    def resume_input(self) -> None:
        """The terminal has room for input again."""
        port = main_port()
        if port is not None and (console_port.has_input(port) or not port.is_open):
            port.work.schedule()

    def can_write(self) -> bool:
        """Whether a write would go on at once."""
        port = main_port()
        return port is None or console_port.can_put(port)


VIRTIO_CONSOLE: Final = VirtioConsole()
