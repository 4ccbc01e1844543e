"""The console driver: its ports, and the terminal behind one."""

import os

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.drivers.virtio import console
from mpkernel.drivers.virtio import port as console_port
from mpkernel.fs import tty
from tests.unit.mpkernel.drivers.virtio.conftest import Rig


def test_ports_are_known_by_name(rig: Rig) -> None:
    for name in ("console", "stdin", "stdout"):
        assert console_port.name_of(console.find_port(name)) == name
    main = console.main_port()
    assert main is not None
    assert console_port.name_of(main) == "console"
    with pytest.raises(SysError, match="ENXIO"):
        console.find_port("stderr")


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
