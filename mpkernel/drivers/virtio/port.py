"""A port of the console device: bytes in, bytes out.

    in:   buffers with the device -> used ring -> read, or the terminal's deferred work -> back
          (an unread buffer stays here, so the host is asked for no more than there is room)
    out:  buffers with us -> copy, post -> used ring -> free again; who finds none free sleeps

Closed means: the host's end is gone. What came before it is still read; then reads give nothing,
and writes to a port that is no console fail with EPIPE.

Spec: virtio 1.2, 5.3.6. State: RAM. Locks: the locks of the port's two queues.
Context: read and write, task; the others, any.
"""

import ctypes
from collections.abc import Callable
from typing import Annotated, Any, Final

from hw.spec.address import PAGE_SIZE
from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU32
from mpkernel.drivers.virtio.queue import NO_HEAD, Virtqueue, zero_frames
from mpkernel.irq.deferred import WORK_CONSOLE_INPUT, DeferredWork
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.seam import Seam

NAME_BYTES: Final = 32
RX_BUFFERS: Final = 4
TX_BUFFERS: Final = 8
#: Called after a port became readable or writable, for those who poll.
READINESS_CHANGED: Final[Seam[Callable[[], None]]] = Seam("readiness of ports")


@layout()
class Port(Layout):
    """A port."""

    rx: Annotated[u64, fixed]  #: Virtqueue, 0: the port is not there
    tx: Annotated[u64, fixed]
    index: Annotated[u32, fixed]
    is_known: Annotated[u32, atomic]  #: 1 once the device has told name and state
    is_open: Annotated[u32, atomic]  #: 0: nobody is at the host's end any more
    is_console: Annotated[u32, atomic]  #: input goes to the terminal
    cols: Annotated[u32, atomic]  #: 0: the host's end is no terminal
    rows: Annotated[u32, atomic]
    rx_head: Annotated[u32, guarded_by("rx.lock")]  #: chain being read, NO_HEAD: none
    rx_size: Annotated[u32, guarded_by("rx.lock")]  #: bytes in it
    rx_offset: Annotated[u32, guarded_by("rx.lock")]  #: how many of them are read
    tx_free: Annotated[u32, guarded_by("tx.lock")]  #: a bit a free buffer
    readers: WaitQueue
    work: DeferredWork
    feeders: AtomicU32  #: CPUs that feed the terminal, or want it looked at once more
    name: Annotated[Any, ctypes.c_uint8 * NAME_BYTES, fixed]  #: NUL-padded
    bytes_in: Annotated[u64, guarded_by("rx.lock")]
    bytes_out: Annotated[u64, guarded_by("tx.lock")]

    def init(self, index: int, rx: Virtqueue, tx: Virtqueue) -> None:
        """Give the port its queues; input buffers are with the device from here on.

        Raises:
            SysError: ENOMEM.
        """
        self.index = index
        self.is_known = self.is_open = self.is_console = self.cols = self.rows = 0
        self.rx_head = NO_HEAD
        self.readers.init()
        self.feeders.store(0)
        self.work.init(WORK_CONSOLE_INPUT, self.phys)
        rx.owner = tx.owner = self.phys
        rx.buffers = zero_frames(RX_BUFFERS)
        tx.buffers = zero_frames(TX_BUFFERS)
        self.tx_free = (1 << TX_BUFFERS) - 1
        self.tx = tx.phys
        with rx.lock.irqsave():
            for number in range(RX_BUFFERS):
                rx.post_locked([(rx.buffers + PAGE_SIZE * number, PAGE_SIZE, True)])
        self.rx = rx.phys


def name_of(port: Port) -> str:
    """The port's name."""
    return bytes(port.name).rstrip(b"\0").decode("utf-8", "replace")


# -- input -----------------------------------------------------------------------------------------


def has_input(port: Port) -> bool:
    """Whether bytes wait to be read."""
    return port.rx_head != NO_HEAD or Virtqueue.at(port.rx).has_used()


def peek(port: Port, size: int) -> bytes:
    """The next bytes, at most ``size``, which stay; empty if none wait. For the one who feeds."""
    rx = Virtqueue.at(port.rx)
    with rx.lock.irqsave():
        return _peek_locked(port, rx, size)


def _peek_locked(port: Port, rx: Virtqueue, size: int) -> bytes:
    while port.rx_head == NO_HEAD:
        used = rx.take_used_locked()
        if used is None:
            return b""
        port.rx_head, port.rx_size = used
        port.rx_offset = 0
        if not port.rx_size:
            _give_back_locked(port, rx)
    start = rx.desc[port.rx_head].addr + port.rx_offset
    return memory.read(start, min(size, port.rx_size - port.rx_offset))


def consume(port: Port, size: int) -> None:
    """Take away ``size`` of the bytes that ``peek`` gave."""
    rx = Virtqueue.at(port.rx)
    with rx.lock.irqsave():
        given_back = _consume_locked(port, rx, size)
    if given_back:
        rx.notify()


def _consume_locked(port: Port, rx: Virtqueue, size: int) -> bool:
    """Take bytes away; True if the device may fill the buffer again."""
    port.rx_offset += size
    port.bytes_in += size
    if port.rx_offset < port.rx_size:
        return False
    _give_back_locked(port, rx)
    return True


def take(port: Port, size: int) -> bytes:
    """Take the next bytes, at most ``size``; empty if none wait."""
    rx = Virtqueue.at(port.rx)
    with rx.lock.irqsave():
        data = _peek_locked(port, rx, size)
        given_back = bool(data) and _consume_locked(port, rx, len(data))
    if given_back:
        rx.notify()
    return data


def _give_back_locked(port: Port, rx: Virtqueue) -> None:
    """Let the device fill the buffer again."""
    address = rx.desc[port.rx_head].addr
    rx.release_locked(port.rx_head)
    rx.post_locked([(address, PAGE_SIZE, True)])
    port.rx_head = NO_HEAD


async def read(port: Port, size: int) -> bytes:
    """Read at most ``size`` bytes, as soon as there are any; nothing at the end of input.

    Raises:
        Interrupted: a signal came first.
    """
    if not size:
        return b""
    while True:
        is_over = not port.is_open  # before the look at the data: they come first
        data = take(port, size)
        if data:
            return data
        if is_over:
            return b""
        await port.readers.wait_until(lambda: has_input(port) or not port.is_open)


# -- output ----------------------------------------------------------------------------------------


def put(port: Port, data: bytes) -> int:
    """Write what fits without waiting; return how much that was."""
    tx = Virtqueue.at(port.tx)
    done = 0
    with tx.lock.irqsave():
        _reclaim_locked(port, tx)
        while done < len(data) and port.tx_free:
            number = (port.tx_free & -port.tx_free).bit_length() - 1
            port.tx_free &= ~(1 << number)
            piece = data[done : done + PAGE_SIZE]
            address = tx.buffers + PAGE_SIZE * number
            memory.write(address, piece)
            tx.post_locked([(address, len(piece), False)])
            done += len(piece)
        port.bytes_out += done
    if done:
        tx.notify()
    return done


def _reclaim_locked(port: Port, tx: Virtqueue) -> None:
    """Take back the buffers that the device has done with."""
    while (used := tx.take_used_locked()) is not None:
        number = (tx.desc[used[0]].addr - tx.buffers) // PAGE_SIZE
        tx.release_locked(used[0])
        port.tx_free |= 1 << number


def can_put(port: Port) -> bool:
    """Whether a write would go on at once."""
    return bool(port.tx_free) or Virtqueue.at(port.tx).has_used() or is_broken(port)


def is_broken(port: Port) -> bool:
    """Whether nobody will ever read what is written."""
    return not port.is_open and not port.is_console


async def write(port: Port, data: bytes) -> int:
    """Write all bytes, sleeping while the host is slower; return how many were taken.

    Raises:
        SysError: EPIPE, nobody reads at the host's end.
        Interrupted: a signal came before the first byte was taken.
    """
    tx = Virtqueue.at(port.tx)
    done = 0
    while True:
        if is_broken(port):
            raise SysError(Errno.EPIPE)
        done += put(port, data[done:] if done else data)
        if done == len(data):
            return done
        try:
            await tx.space.wait_until(lambda: can_put(port))
        except Interrupted:
            if done:
                return done
            raise


# -- interrupts ------------------------------------------------------------------------------------


def _readiness_changed() -> None:
    """Tell those who poll; without file systems nobody does."""
    if 0 in READINESS_CHANGED:
        READINESS_CHANGED.get()()


def on_input(queue_at: int) -> None:
    """Input came: a console's goes to the terminal, another's to who reads it."""
    port = Port.at(Virtqueue.at(queue_at).owner)
    if port.is_console:
        port.work.schedule()
    port.readers.wake_all()
    _readiness_changed()


def on_output(queue_at: int) -> None:
    """The host took output: there is room again."""
    tx = Virtqueue.at(queue_at)
    with tx.lock.irqsave():
        _reclaim_locked(Port.at(tx.owner), tx)
    tx.space.wake_all()
    _readiness_changed()


def state_changed(port: Port) -> None:
    """The host's end was opened or closed: everybody looks again."""
    if port.is_console:
        port.work.schedule()
    port.readers.wake_all()
    Virtqueue.at(port.tx).space.wake_all()
    _readiness_changed()
