"""Devices through the whole machine: disk images, console ports, the terminal."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUCCESS = 3


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.support.bare_devices", *map(str, arguments)]


def run(*arguments: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, input=data, timeout=30, check=False
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(b"\xaa" * 65536)
    return path


def test_disk_writes_reach_the_image(image: Path):
    result = run("disk", image)
    assert result.returncode == SUCCESS, result.stderr
    data = image.read_bytes()
    assert data[4096 : 4096 + 8192] == bytes(range(256)) * 32
    assert data[:4096] + data[4096 + 8192 :] == b"\xaa" * (65536 - 8192)


def test_private_disk_leaves_the_image_alone(tmp_path: Path):
    path = tmp_path / "private.img"
    path.write_bytes(b"\xaa" * 65536)
    assert run("disk", path).returncode == SUCCESS
    assert path.read_bytes() == b"\xaa" * 65536


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "is empty"), (b"x" * 513, "is cut off")],
)
def test_bad_image_is_refused_in_one_line(tmp_path: Path, content: bytes | None, words: str):
    path = tmp_path / "bad.img"
    if content is not None:
        path.write_bytes(content)
    result = run("disk", path)
    assert result.returncode == 2
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert str(path) in lines[0]


def test_folder_is_no_image(tmp_path: Path):
    assert run("disk", tmp_path).returncode == 2


def test_second_writer_is_refused(image: Path):
    with subprocess.Popen(
        command("keys", image), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout.read(5) == b"hello"
        second = run("disk", image)
        first.kill()
    assert second.returncode == 2
    assert b"in use by another machine" in second.stderr
    assert image.read_bytes() == b"\xaa" * 65536


@pytest.mark.feature("H6")
def test_entropy():
    result = run("entropy")
    assert result.returncode == SUCCESS, result.stderr


def test_streams_are_binary_clean_and_apart():
    data = bytes(range(256)) * 300
    result = run("streams", data=data)
    assert result.returncode == SUCCESS
    assert result.stdout == data.upper()
    assert result.stderr == f"{len(data)} bytes\n".encode()


def test_empty_input_is_its_end():
    result = run("streams")
    assert (result.stdout, result.stderr) == (b"", b"0 bytes\n")


def test_end_of_input_on_the_console_is_control_d_and_output_is_drained():
    result = run("echo", data=b"hello\n")
    assert result.returncode == SUCCESS
    assert result.stdout == b"b'hello\\n\\x04'\n"


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """Give the writing end of a pipe that is full and that nobody reads."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_fd, b"z" * 4096)
    os.set_blocking(write_fd, True)
    yield write_fd
    os.close(write_fd)
    os.close(read_fd)


def test_reader_that_does_not_read_stalls_nothing_else(full_pipe: int):
    began = time.monotonic()
    result = subprocess.run(
        command("stuck"),
        cwd=ROOT,
        stdout=full_pipe,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert result.returncode == SUCCESS
    assert result.stderr == b"y"
    assert time.monotonic() - began < 4


def test_lost_core_is_no_reason_to_wait_for_a_reader(full_pipe: int):
    result = subprocess.run(
        command("lost"), cwd=ROOT, stdout=full_pipe, stderr=subprocess.PIPE, timeout=30, check=False
    )
    assert result.returncode == 71
    assert b"core 0 was lost" in result.stderr


def test_reader_that_is_gone_stalls_nothing():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    result = subprocess.run(
        command("stuck"), cwd=ROOT, stdout=write_fd, stderr=subprocess.PIPE, timeout=30, check=False
    )
    os.close(write_fd)
    assert result.returncode == SUCCESS


class OnTerminal:
    """A machine on a terminal of its own."""

    def __enter__(self) -> "OnTerminal":
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            os.close(self.master)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.close(os.open(os.ttyname(0), os.O_RDWR))
            os.chdir(ROOT)
            os.execv(sys.executable, command("keys"))
        self.text = b""
        self.until(b"hello")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.master)
        os.close(self.slave)

    def until(self, words: bytes) -> None:
        """Read the screen until it shows these words."""
        while words not in self.text:
            self.text += os.read(self.master, 1024)

    def is_raw(self) -> bool:
        """Whether keys are passed on as they are."""
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def is_restored(self) -> bool:
        """Whether the settings are as before the machine."""
        return termios.tcgetattr(self.slave) == self.before

    def status(self) -> int:
        """Wait for the end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal_keys_are_raw_and_control_a_x_ends():
    with OnTerminal() as terminal:
        assert terminal.is_raw()
        os.write(terminal.master, b"a\x03")
        terminal.until(b"[a\x03]")
        os.write(terminal.master, b"\x01h")
        terminal.until(b"end the machine")
        os.write(terminal.master, b"\x01x")
        assert terminal.status() == 0
        assert terminal.is_restored()


def test_another_size_of_the_terminal_reaches_the_machine():
    with OnTerminal() as terminal:
        termios.tcsetwinsize(terminal.slave, (33, 77))
        os.kill(terminal.pid, signal.SIGWINCH)
        terminal.until(b"77x33")
        os.write(terminal.master, b"\x01x")
        assert terminal.status() == 0


def test_terminal_of_another_job_is_left_alone():
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if not pid:
        os.setsid()
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.close(os.open(os.ttyname(0), os.O_RDWR))
        job = os.fork()
        if not job:
            os.setpgid(0, 0)
            os.chdir(ROOT)
            os.execv(sys.executable, command("echo"))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
    os.write(master, b"for somebody else\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == SUCCESS
    assert b"b'\\x04'" in os.read(master, 1024)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_terminal_is_restored_when_the_launcher_is_killed():
    with OnTerminal() as terminal:
        os.kill(terminal.pid, signal.SIGKILL)
        end = time.monotonic() + 2
        while not terminal.is_restored():
            assert time.monotonic() < end
            time.sleep(0.02)


def test_terminal_is_restored_when_the_device_process_is_killed():
    with OnTerminal() as terminal:
        children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
        names = {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in children}
        os.kill(names["devices"], signal.SIGKILL)
        assert terminal.status() == 71
        assert terminal.is_restored()
