"""Ctrl-A commands, and a pseudo-terminal's settings."""

import os
import pty
import termios

import pytest

from hw.disk.terminal import DEFAULT_SIZE, EscapeKeys, open_terminal, size_of


@pytest.mark.parametrize(
    ("typed", "passed", "ends"),
    [
        (b"abc\x03\x04", b"abc\x03\x04", False),
        (b"a\x01xb", b"a", True),
        (b"a\x01Xb", b"a", True),
        (b"\x01\x01b", b"\x01b", False),
        (b"\x01hb", b"b", False),
        (b"\x01zb", b"b", False),
    ],
)
def test_keys(typed: bytes, passed: bytes, *, ends: bool):
    keys = EscapeKeys()
    assert keys.filter(typed)[::2] == (passed, ends)


def test_command_may_come_in_two_reads():
    keys = EscapeKeys()
    assert keys.filter(b"a\x01") == (b"a", b"", False)
    passed, shown, ends = keys.filter(b"h")
    assert (passed, ends) == (b"", False)
    assert b"Ctrl-A X" in shown


def test_raw_and_back():
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    terminal = open_terminal(slave)
    assert terminal is not None
    terminal.make_raw()
    mode = termios.tcgetattr(slave)
    assert not mode[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert mode[1] & termios.OPOST
    terminal.restore()
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_what_is_no_terminal():
    read_fd, write_fd = os.pipe()
    assert open_terminal(read_fd) is None
    assert open_terminal(-1) is None
    assert size_of(write_fd) == DEFAULT_SIZE
    os.close(read_fd)
    os.close(write_fd)
