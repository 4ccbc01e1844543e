"""The terminal: lines as a person edits them, keys, signals, settings."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hw.machine_config import PortConfig
from mpkernel.abi import termios
from mpkernel.abi.errno import Interrupted, SysError
from mpkernel.abi.termios import Termios, WindowSize
from mpkernel.fs import line_discipline, tty
from mpkernel.fs.tty import CONSOLE, TERMINAL
from mpkernel.sched.wakeup import wake
from tests.support.device_kernel import DeviceKernel, device_kernel

pytestmark = pytest.mark.feature("J1")

USER = 0x1000


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A terminal of 80 x 25 whose screen is a list, and user memory that is a dict of bytes."""
    user = bytearray(0x2000)

    async def copy_from_user(address: int, size: int) -> bytes:
        return bytes(user[address : address + size])

    async def copy_to_user(address: int, data: bytes) -> None:
        user[address : address + len(data)] = data

    monkeypatch.setattr(tty, "copy_from_user", copy_from_user)
    monkeypatch.setattr(tty, "copy_to_user", copy_to_user)
    with device_kernel() as kernel:
        screen = bytearray()

        def put(data: bytes) -> int:
            screen.extend(data)
            return len(data)

        resumed: list[int] = []
        tty.CONSOLE_OUTPUT._entries[0] = SimpleNamespace(  # type: ignore[assignment]
            put=put, resume_input=lambda: resumed.append(1), can_write=lambda: True
        )
        CONSOLE.resize(80, 25)
        TERMINAL.foreground = 42
        yield SimpleNamespace(kernel=kernel, screen=screen, user=user, resumed=resumed)


def read(kernel: DeviceKernel, size: int = 1000) -> bytes:
    data: bytes = kernel.call(CONSOLE.read(size))
    return data


def set_flags(*, lflag: int, vmin: int = 1, vtime: int = 0) -> None:
    TERMINAL.settings.c_lflag = lflag
    TERMINAL.settings.c_cc[termios.VMIN] = vmin
    TERMINAL.settings.c_cc[termios.VTIME] = vtime


@pytest.mark.parametrize(
    ("typed", "line", "screen"),
    [
        (b"ls\r", b"ls\n", b"ls\n"),
        (b"lx\x7fs\n", b"ls\n", b"lx\b \bs\n"),
        (b"\x7f\x7fok\n", b"ok\n", b"ok\n"),
        (b"rm -rf\x15ls\n", b"ls\n", b"rm -rf" + b"\b \b" * 6 + b"ls\n"),
        (b"a bc  \x17d\n", b"a d\n", b"a bc  " + b"\b \b" * 4 + b"d\n"),
        (b"\x01x\x7f\x7fy\n", b"y\n", b"^Ax\b \b\b \b\b \by\n"),
        ("ä".encode() + b"\x7fb\n", b"b\n", "ä".encode() + b"\b \bb\n"),
        (b"\x16\x03\n", b"\x03\n", b"^\b^C\n"),
        (b"a\tb\n", b"a\tb\n", b"a\tb\n"),
    ],
)
def test_a_line_is_edited(terminal: Any, typed: bytes, line: bytes, screen: bytes) -> None:
    CONSOLE.receive(typed)
    assert read(terminal.kernel) == line
    assert bytes(terminal.screen) == screen


def test_a_read_gets_one_line_at_most(terminal: Any) -> None:
    CONSOLE.receive(b"one\ntwo\nthr")
    assert read(terminal.kernel) == b"one\n"
    assert read(terminal.kernel, 2) == b"tw"
    assert read(terminal.kernel) == b"o\n"
    assert not CONSOLE.is_readable()


def test_control_d_ends_input_or_pushes_a_line(terminal: Any) -> None:
    CONSOLE.receive(b"part\x04\x04rest\n")
    assert read(terminal.kernel) == b"part"
    assert read(terminal.kernel) == b""
    assert read(terminal.kernel) == b"rest\n"


@pytest.mark.parametrize(("key", "signal", "shown"), [(3, 2, "^C"), (28, 3, "^\\"), (26, 20, "^Z")])
def test_signal_keys(terminal: Any, key: int, signal: int, shown: str) -> None:
    CONSOLE.receive(b"old\nabc" + bytes([key]) + b"new\n")
    assert terminal.kernel.signals == [(42, signal)]
    assert bytes(terminal.screen) == b"old\nabc" + shown.encode() + b"new\n"
    assert read(terminal.kernel) == b"new\n"


def test_signal_keys_are_seen_when_nobody_reads(terminal: Any) -> None:
    for _ in range(20):
        assert CONSOLE.receive(b"x" * 1000) == 1000
    CONSOLE.receive(b"\x03")
    assert terminal.kernel.signals == [(42, 2)]


def test_a_reader_sleeps_until_a_line_is_whole(terminal: Any) -> None:
    seen: list[bytes] = []

    async def reader() -> None:
        seen.append(await CONSOLE.read(100))

    terminal.kernel.spawn(0, reader())
    terminal.kernel.settle()
    CONSOLE.receive(b"hal")
    terminal.kernel.settle()
    assert not seen
    CONSOLE.receive(b"lo\n")
    terminal.kernel.settle()
    assert seen == [b"hallo\n"]


def test_a_signal_interrupts_a_reader(terminal: Any) -> None:
    seen: list[str] = []

    async def reader() -> None:
        try:
            await CONSOLE.read(100)
        except Interrupted:
            seen.append("interrupted")

    task = terminal.kernel.spawn(0, reader())
    terminal.kernel.settle()
    task.signal_pending = 1
    wake(task, only_called=True)
    terminal.kernel.settle()
    assert seen == ["interrupted"]


def test_raw_keys_come_one_by_one_and_together(terminal: Any) -> None:
    set_flags(lflag=0)
    CONSOLE.receive(b"a")
    assert read(terminal.kernel) == b"a"
    CONSOLE.receive(b"\x03\x04")
    CONSOLE.receive(b"\r")
    assert read(terminal.kernel, 2) == b"\x03\x04"
    assert read(terminal.kernel) == b"\n"  # ICRNL is still on
    assert not terminal.screen
    assert not terminal.kernel.signals


def test_raw_reads_that_do_not_wait(terminal: Any) -> None:
    set_flags(lflag=0, vmin=0)
    assert read(terminal.kernel) == b""
    set_flags(lflag=0, vmin=0, vtime=1)
    assert read(terminal.kernel) == b""
    CONSOLE.receive(b"k")
    assert read(terminal.kernel) == b"k"


def test_raw_read_waits_for_the_least_number(terminal: Any) -> None:
    set_flags(lflag=0, vmin=3)
    seen: list[bytes] = []

    async def reader() -> None:
        seen.append(await CONSOLE.read(10))

    terminal.kernel.spawn(0, reader())
    CONSOLE.receive(b"ab")
    terminal.kernel.settle()
    assert not seen
    CONSOLE.receive(b"cd")
    terminal.kernel.settle()
    assert seen == [b"abcd"]


def test_settings_go_out_and_in(terminal: Any) -> None:
    kernel, user = terminal.kernel, terminal.user
    kernel.call(CONSOLE.ioctl(termios.TCGETS, USER))
    settings = Termios.from_buffer_copy(user, USER)
    assert settings.c_lflag & termios.ICANON
    assert bytes(settings.c_cc)[: termios.VSUSP + 1] == termios.DEFAULT_CC[: termios.VSUSP + 1]
    settings.c_lflag &= ~(termios.ICANON | termios.ECHO)
    user[USER : USER + Termios.SIZE] = bytes(settings)
    CONSOLE.receive(b"typed before")
    kernel.call(CONSOLE.ioctl(termios.TCSETS, USER))
    assert read(kernel) == b"typed before"
    CONSOLE.receive(b"lost")
    kernel.call(CONSOLE.ioctl(termios.TCSETSF, USER))
    assert not CONSOLE.is_readable()
    kernel.call(CONSOLE.ioctl(termios.TCGETS2, USER))
    assert Termios.from_buffer_copy(user, USER).c_lflag == settings.c_lflag
    speed = int.from_bytes(user[USER + 40 : USER + 44], "little")
    assert speed == 38400


def test_window_size_and_its_signal(terminal: Any) -> None:
    kernel = terminal.kernel
    CONSOLE.resize(100, 30)
    assert kernel.signals == [(42, 28)]
    kernel.call(CONSOLE.ioctl(termios.TIOCGWINSZ, USER))
    size = WindowSize.from_buffer_copy(terminal.user, USER)
    assert (size.cols, size.rows) == (100, 30)


def test_who_is_in_the_foreground(terminal: Any) -> None:
    kernel, user = terminal.kernel, terminal.user
    kernel.call(CONSOLE.ioctl(termios.TIOCSCTTY, 0))
    kernel.call(CONSOLE.ioctl(termios.TIOCGPGRP, USER))
    assert int.from_bytes(user[USER : USER + 4], "little") == 7
    kernel.call(CONSOLE.ioctl(termios.TIOCGSID, USER))
    assert int.from_bytes(user[USER : USER + 4], "little") == 5
    user[USER : USER + 4] = (99).to_bytes(4, "little")
    kernel.call(CONSOLE.ioctl(termios.TIOCSPGRP, USER))
    CONSOLE.receive(b"\x03")
    assert kernel.signals == [(99, 2)]
    user[USER : USER + 4] = (-1 & 0xFFFFFFFF).to_bytes(4, "little")
    with pytest.raises(SysError, match="EINVAL"):
        kernel.call(CONSOLE.ioctl(termios.TIOCSPGRP, USER))


def test_unknown_ioctls_are_enotty(terminal: Any) -> None:
    with pytest.raises(SysError, match="ENOTTY"):
        terminal.kernel.call(CONSOLE.ioctl(0x1234, 0))


def test_hang_up_tells_the_foreground_and_ends_reads(terminal: Any) -> None:
    CONSOLE.receive(b"last\n")
    CONSOLE.hang_up()
    CONSOLE.hang_up()
    assert terminal.kernel.signals == [(42, 1), (42, 18)]
    assert read(terminal.kernel) == b"last\n"
    assert read(terminal.kernel) == b""


def test_a_pipe_loses_nothing_and_is_told_when_to_go_on(terminal: Any) -> None:
    TERMINAL.cols = 0
    sent = b"".join(b"%d\n" % n for n in range(4000))
    got = b""
    at = 0
    while len(got) < len(sent):
        at += CONSOLE.receive(sent[at:])
        got += read(terminal.kernel)
    assert got == sent
    assert terminal.resumed
    assert not terminal.screen


def test_a_line_longer_than_the_ring_comes_in_pieces(terminal: Any) -> None:
    TERMINAL.cols = 0
    sent = b"x" * 10_000 + b"\n"
    at, got = 0, b""
    while len(got) < len(sent):
        at += CONSOLE.receive(sent[at:])
        got += read(terminal.kernel, 10_000)
    assert got == sent


def test_counts_survive_their_wrap(terminal: Any) -> None:
    TERMINAL.read_at = TERMINAL.committed = TERMINAL.end = 0xFFFF_FFFE
    CONSOLE.receive(b"abc\n")
    assert TERMINAL.available() == 4
    assert read(terminal.kernel) == b"abc\n"
    assert line_discipline.RING & (line_discipline.RING - 1) == 0


def test_a_console_of_the_machine_is_no_terminal_without_one() -> None:
    with device_kernel(ports=(PortConfig("console", is_console=True),)) as kernel:
        with pytest.raises(SysError, match="ENOTTY"):
            kernel.call(CONSOLE.ioctl(termios.TCGETS, USER))
        kernel.call(CONSOLE.ioctl(termios.TIOCSCTTY, 0))
        assert TERMINAL.session == 5
