"""Ports: bytes in and out, those that wait, and the end of either side."""

import os
from typing import TYPE_CHECKING

import pytest

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.errno import Interrupted, SysError
from mpkernel.drivers.virtio import port as console_port
from mpkernel.drivers.virtio.console import find_port
from mpkernel.drivers.virtio.port import RX_BUFFERS
from mpkernel.drivers.virtio.stream import PortStream
from mpkernel.sched.wakeup import wake
from tests.unit.mpkernel.drivers.virtio.conftest import Rig

if TYPE_CHECKING:
    from mpkernel.sched.task import Task


def test_a_writer_waits_for_a_slow_reader(rig: Rig) -> None:
    data = os.urandom(200_000)
    done: list[int] = []

    async def write() -> None:
        done.append(await PortStream("stdout").write(data))

    rig.kernel.spawn(0, write())
    rig.kernel.settle()
    assert not done
    assert rig.read_host(rig.stdout, len(data)) == data
    rig.kernel.settle()
    assert done == [len(data)]


def test_writing_where_nobody_reads_is_epipe(rig: Rig) -> None:
    rig.close(rig.stdout)

    async def write() -> None:
        for _ in range(1000):
            await PortStream("stdout").write(b"x" * 4096)

    with pytest.raises(SysError, match="EPIPE"):
        rig.kernel.call(write())


def test_a_signal_ends_a_read_and_loses_nothing(rig: Rig) -> None:
    seen: list[object] = []

    async def read() -> None:
        try:
            seen.append(await PortStream("stdin").read(10))
        except Interrupted as error:
            seen.append(error)

    task: Task = rig.kernel.spawn(0, read())
    rig.kernel.settle()
    task.signal_pending = 1
    wake(task, only_called=True)
    rig.kernel.settle()
    assert isinstance(seen[0], Interrupted)
    os.write(rig.stdin, b"later")
    assert rig.kernel.call(PortStream("stdin").read(10)) == b"later"


def test_the_host_is_asked_for_no_more_than_there_is_room(rig: Rig) -> None:
    """What nobody reads stays in the host's pipe, behind a buffer or two of the device's own."""
    os.set_blocking(rig.stdin, False)
    port = find_port("stdin")
    sent = 0
    while True:
        rig.kernel.settle(3)
        try:
            sent += os.write(rig.stdin, b"x" * PAGE_SIZE)
        except BlockingIOError:
            break
    got = b""
    while console_port.has_input(port):
        got += console_port.take(port, 1 << 20)
    assert RX_BUFFERS * PAGE_SIZE == len(got) < sent
    rig.close(rig.stdin)
    rig.kernel.settle()
    while data := rig.kernel.call(console_port.read(port, 1 << 20)):
        got += data
    assert len(got) == sent
    assert port.bytes_in == sent


def test_what_is_looked_at_stays(rig: Rig) -> None:
    os.write(rig.stdin, b"abcdef")
    rig.kernel.settle()
    port = find_port("stdin")
    assert console_port.peek(port, 4) == b"abcd"
    assert console_port.peek(port, 4) == b"abcd"
    console_port.consume(port, 2)
    assert console_port.take(port, 100) == b"cdef"
    assert not console_port.has_input(port)
