"""Reads and writes that never block."""

import os
import socket
from pathlib import Path

import pytest

from hw.disk import streams


def test_pipe_takes_a_page_at_a_time():
    read_fd, write_fd = os.pipe()
    assert streams.write(write_fd, b"x" * 100_000) == 4096
    assert streams.read(read_fd) == b"x" * 4096
    os.close(write_fd)
    assert streams.read(read_fd) == b""
    os.close(read_fd)


def test_reader_that_is_gone():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with pytest.raises(streams.ClosedError):
        streams.write(write_fd, b"x")
    os.close(write_fd)


def test_full_socket_takes_nothing_and_does_not_block():
    left, right = socket.socketpair()
    with left, right:
        total = 0
        while sent := streams.write(left.fileno(), b"x" * 65536):
            total += sent
        assert total > 0
        right.close()
        with pytest.raises(streams.ClosedError):
            streams.write(left.fileno(), b"x")


def test_file(tmp_path: Path):
    fd = os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    assert streams.write(fd, b"x" * 100_000) == 100_000
    os.close(fd)


def test_input_that_is_gone_again_is_not_its_end():
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    assert streams.read(read_fd) is None
    os.close(read_fd)
    os.close(write_fd)
