"""The console driver over pipes of the host: ports, their ends, and the terminal behind one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hw.machine_config import PortConfig
from mpkernel.abi.errno import Interrupted, SysError
from mpkernel.drivers import bus
from mpkernel.drivers.virtio import console
from mpkernel.drivers.virtio import port as console_port
from mpkernel.drivers.virtio.stream import PortStream
from mpkernel.fs import tty
from mpkernel.sched.wakeup import wake
from tests.support.device_kernel import DeviceKernel, device_kernel

if TYPE_CHECKING:
    from mpkernel.sched.task import Task


@dataclass
class Rig:
    """A kernel with three streams and a console; the host's ends of their pipes."""

    kernel: DeviceKernel
    stdin: int
    stdout: int
    keys: int
    screen: int

    def close(self, fd: int) -> None:
        os.close(fd)

    def read_host(self, fd: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            self.kernel.settle(3)
            data += os.read(fd, size - len(data))
        return data


@pytest.fixture
def rig() -> Iterator[Rig]:
    ends = {name: os.pipe() for name in ("stdin", "stdout", "keys", "screen")}
    ports = (
        PortConfig("console", ends["keys"][0], ends["screen"][1], is_console=True),
        PortConfig("stdin", input_fd=ends["stdin"][0]),
        PortConfig("stdout", output_fd=ends["stdout"][1]),
    )
    for name in ("stdout", "screen"):
        os.set_blocking(ends[name][0], False)
    with device_kernel(ports=ports, cpus=2) as kernel:
        kernel.call(bus.probe_all())
        yield Rig(kernel, ends["stdin"][1], ends["stdout"][0], ends["keys"][1], ends["screen"][0])
    for fd in (end for pair in ends.values() for end in pair):
        try:
            os.close(fd)
        except OSError:
            continue


def test_ports_are_known_by_name(rig: Rig) -> None:
    for name in ("console", "stdin", "stdout"):
        assert console_port.name_of(console.find_port(name)) == name
    main = console.main_port()
    assert main is not None
    assert console_port.name_of(main) == "console"
    with pytest.raises(SysError, match="ENXIO"):
        console.find_port("stderr")


def test_a_stream_is_copied_to_its_end(rig: Rig) -> None:
    async def copy() -> int:
        source, target, total = PortStream("stdin"), PortStream("stdout"), 0
        while data := await source.read(3000):
            total += await target.write(data)
        return total

    sent = os.urandom(50_000)
    os.write(rig.stdin, sent)
    rig.close(rig.stdin)
    # no more than what the pipe to the host takes, so that nobody waits for this test to read
    assert rig.kernel.call(copy()) == len(sent)
    assert rig.read_host(rig.stdout, len(sent)) == sent


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


def test_streams_are_no_terminals(rig: Rig) -> None:
    with pytest.raises(SysError, match="ENOTTY"):
        rig.kernel.call(PortStream("stdin").ioctl(0x5401, 0))


def test_the_terminal_gets_lines_from_the_console_port(rig: Rig) -> None:
    os.write(rig.keys, b"one\ntwo\n")
    assert rig.kernel.call(tty.CONSOLE.read(100)) == b"one\n"
    assert rig.kernel.call(tty.CONSOLE.read(2)) == b"tw"
    assert rig.kernel.call(tty.CONSOLE.read(100)) == b"o\n"
    assert rig.kernel.call(tty.CONSOLE.write(b"hello\n")) == 6
    assert rig.read_host(rig.screen, 6) == b"hello\n"


def test_piped_input_is_not_echoed_and_ends(rig: Rig) -> None:
    with pytest.raises(SysError, match="ENOTTY"):
        rig.kernel.call(tty.CONSOLE.ioctl(0x5401, 0))
    os.write(rig.keys, b"last")
    rig.close(rig.keys)
    assert rig.kernel.call(tty.CONSOLE.read(100)) == b"last"
    for _ in range(3):
        assert rig.kernel.call(tty.CONSOLE.read(100)) == b""
    rig.kernel.settle()
    with pytest.raises(BlockingIOError):
        os.read(rig.screen, 1)


def test_piped_input_waits_until_there_is_room(rig: Rig) -> None:
    lines = b"".join(b"line %d\n" % n for n in range(5000))
    os.set_blocking(rig.keys, False)
    got, at = b"", 0
    while len(got) < len(lines):
        if at < len(lines):
            at += os.write(rig.keys, lines[at : at + 30_000])
            rig.kernel.settle(3)
        line = rig.kernel.call(tty.CONSOLE.read(1000))
        assert line.endswith(b"\n")
        got += line
    assert got == lines


def test_control_c_on_a_pipe_is_a_signal(rig: Rig) -> None:
    tty.TERMINAL.foreground = 42
    os.write(rig.keys, b"abc\x03")
    rig.kernel.settle()
    assert rig.kernel.signals == [(42, 2)]
