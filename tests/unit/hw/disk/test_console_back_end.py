"""Console ports over pipes: what is asked of the host and when."""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from hw import ram
from hw.disk.console_back_end import ConsoleBackEnd, console_size
from hw.host import PollSet
from hw.machine_config import MachineConfig, PortConfig
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import CONSOLE_F_MULTIPORT, F_VERSION_1, TYPE_CONSOLE
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from tests.support.bare_driver import Driver, find
from tests.support.board import powered_board

RX, TX = 0, 1
BUFFER = 12 * MIB


class Rig:
    """One console port on two pipes."""

    def __init__(self, ports: tuple[PortConfig, ...]) -> None:
        self.driver = Driver(find(TYPE_CONSOLE), PCI_WINDOW_BASE, 10 * MIB)
        self.driver.start(F_VERSION_1 | CONSOLE_F_MULTIPORT, 4)
        device = VirtioDevice(self.driver.slot, MachineMemory())
        self.back_end = ConsoleBackEnd(device, ports, 0)
        self.polls = PollSet([-1, -1])

    def turn(self) -> bool:
        """Do one turn of the device process; return whether the host had something."""
        self.back_end.serve()
        self.back_end.want(self.polls)
        woken = self.polls.wait(0)
        self.back_end.move(self.polls)
        self.back_end.serve()
        return woken


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    fds = (*os.pipe(), *os.pipe())
    yield fds
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            continue


@pytest.fixture
def rig(pipes: tuple[int, int, int, int]) -> Iterator[Rig]:
    ports = (PortConfig("console", pipes[0], pipes[3], is_console=True),)
    with powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB, ports=ports)):
        yield Rig(ports)


def test_input_is_read_only_when_the_driver_has_room(rig: Rig, pipes: tuple[int, ...]):
    os.write(pipes[1], b"hello")
    assert not rig.turn()
    rig.driver.post(RX, [], [(BUFFER, 3)])
    assert rig.turn()
    assert rig.driver.done(RX) == 3
    assert ram.read(BUFFER, 3) == b"hel"
    os.write(pipes[1], b"more")
    assert not rig.turn(), "two bytes wait already"
    rig.driver.post(RX, [], [(BUFFER, 64)])
    rig.turn()
    assert rig.driver.done(RX) == 2
    assert ram.read(BUFFER, 2) == b"lo"


def test_end_of_input_comes_after_what_was_typed(rig: Rig, pipes: tuple[int, ...]):
    os.write(pipes[1], b"bye")
    os.close(pipes[1])
    got = b""
    for _ in range(4):
        rig.driver.post(RX, [], [(BUFFER, 64)])
        rig.turn()
        size = rig.driver.done(RX)
        if size:
            got += ram.read(BUFFER, size)
            continue
    assert got == b"bye\x04"
    assert not rig.turn(), "the end of a pipe is not asked for again"


def test_chain_is_given_back_when_the_host_has_all(rig: Rig, pipes: tuple[int, ...]):
    data = bytes(range(256)) * 400
    ram.write(BUFFER, data)
    rig.driver.post(TX, [(BUFFER, len(data))], [])
    got = b""
    while rig.turn():
        if len(got) + 4096 < len(data):
            assert rig.driver.done(TX) is None
            assert not rig.back_end.is_drained()
        got += os.read(pipes[2], 65536)
    assert got == data
    assert rig.driver.done(TX) == 0
    assert rig.back_end.is_drained()


def test_full_pipe_is_waited_for_without_blocking(rig: Rig):
    ram.write(BUFFER, b"x" * 200_000)
    rig.driver.post(TX, [(BUFFER, 200_000)], [])
    turns = 0
    while rig.turn():
        turns += 1
    assert 0 < turns < 40
    assert not rig.back_end.is_drained()


def test_reader_that_is_gone_swallows_all(rig: Rig, pipes: tuple[int, ...]):
    os.close(pipes[2])
    for _ in range(3):
        rig.driver.post(TX, [(BUFFER, 10)], [])
        rig.turn()
        assert rig.driver.done(TX) == 0
    assert rig.back_end.is_drained()


def test_which_output_decides_the_size():
    controller, terminal = os.openpty()
    reader, writer = os.pipe()
    try:
        assert console_size([PortConfig("a", terminal, terminal)]) == (0, 0)
        assert console_size([PortConfig("c", reader, writer, is_console=True)]) == (0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 43, 132, 0, 0))
        ports = [PortConfig("c", terminal, terminal, is_console=True)]
        assert console_size(ports) == (132, 43)
    finally:
        for fd in (controller, terminal, reader, writer):
            os.close(fd)
