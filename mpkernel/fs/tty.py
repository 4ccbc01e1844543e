"""The terminal as a character device: reads of lines or keys, settings, job control.

    driver -> CONSOLE.receive (deferred work) -> line discipline -> ring -> read
    write -> driver;  echo -> driver, what fits

Where the host's end is no terminal (size 0 x 0) there is no echo, and questions about settings get
ENOTTY; lines, ^D and signal keys are as ever. The host's terminal turns newlines into CR LF.

Spec: POSIX.1-2017 chapter 11, termios(3). State: RAM (TERMINAL). Locks: Terminal.lock.
Context: receive, hang_up and resize, deferred work; the others task.
"""

from collections.abc import Callable
from typing import Final, Protocol

from mpkernel.abi import termios
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.termios import (
    ICANON,
    SIGCONT,
    SIGHUP,
    SIGWINCH,
    VMIN,
    VTIME,
    Termios,
    WindowSize,
)
from mpkernel.arch import memory
from mpkernel.fs import line_discipline, poll
from mpkernel.fs.line_discipline import Discipline, Terminal
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.sched.timer import now_ns
from mpkernel.seam import Seam
from mpkernel.sync import ranks

_VTIME_NS: Final = 100_000_000


class ConsoleOutput(Protocol):
    """Where what is written goes: a driver."""

    async def write(self, data: bytes) -> int:
        """Write all bytes."""

    def put(self, data: bytes) -> int:
        """Write what fits without waiting."""

    def resume_input(self) -> None:
        """There is room for input again."""

    def can_write(self) -> bool:
        """Whether a write would go on at once."""


CONSOLE_OUTPUT: Final[Seam[ConsoleOutput]] = Seam("console output")
#: Send a signal to a process group: (group, signal). Called with no lock held.
SIGNAL_GROUP: Final[Seam[Callable[[int, int], None]]] = Seam("signals to process groups")
#: Process group and session of the current task.
CURRENT_JOB: Final[Seam[Callable[[], tuple[int, int]]]] = Seam("current job")

TERMINAL: Final = memory.static(Terminal)


def init() -> None:
    """Make the terminal fresh. Once, before devices start."""
    TERMINAL.lock.init(ranks.TTY)
    TERMINAL.readers.init()
    line_discipline.set_defaults(TERMINAL.settings)


def _signal(signal: int) -> None:
    if TERMINAL.foreground:
        SIGNAL_GROUP.get()(TERMINAL.foreground, signal)


class ConsoleTerminal:
    """The machine's terminal: a CharDevice, and the driver's ConsoleInput; holds nothing."""

    # -- the driver's side -------------------------------------------------------------------------

    def receive(self, data: bytes) -> int:
        """Take bytes that were typed; return how many, the others are offered again."""
        with TERMINAL.lock:
            discipline = Discipline(TERMINAL)
            taken = discipline.receive(data)
            if discipline.echo:
                CONSOLE_OUTPUT.get().put(bytes(discipline.echo))
        TERMINAL.readers.wake_all()
        poll.notify()
        for signal in discipline.signals:
            _signal(signal)
        return taken

    def hang_up(self) -> None:
        """No more input will come; a person who left takes the foreground along."""
        if TERMINAL.hung_up:
            return
        TERMINAL.hung_up = 1
        TERMINAL.readers.wake_all()
        poll.notify()
        if TERMINAL.is_terminal:
            _signal(SIGHUP)
            _signal(SIGCONT)

    def resize(self, cols: int, rows: int) -> None:
        """The host's terminal has this size; 0 x 0: it is no terminal."""
        if (cols, rows) != (TERMINAL.cols, TERMINAL.rows):
            TERMINAL.cols, TERMINAL.rows = cols, rows
            _signal(SIGWINCH)

    # -- the program's side ------------------------------------------------------------------------

    async def read(self, size: int) -> bytes:
        """Read a line or keys; nothing at ^D, and for ever after a hang-up.

        Raises:
            Interrupted: a signal came first.
        """
        if not size:
            return b""
        while True:
            is_over = TERMINAL.hung_up  # before the look at the input: it comes first
            with TERMINAL.lock:
                settings = TERMINAL.settings
                canonical = settings.c_lflag & ICANON
                least = 1 if canonical else min(settings.c_cc[VMIN], size)
                wait_ns = 0 if canonical or least else settings.c_cc[VTIME] * _VTIME_NS
                ready = self._is_ready(least)
                data = line_discipline.take(TERMINAL, size) if ready else b""
                resume = bool(TERMINAL.throttled and ready)
                if resume:
                    TERMINAL.throttled = 0
            if resume:
                CONSOLE_OUTPUT.get().resume_input()
            if ready and (data or canonical):
                return data
            if is_over or (not least and not wait_ns):
                return b""
            deadline = now_ns() + wait_ns if wait_ns else None
            came = await TERMINAL.readers.wait_until(
                lambda: TERMINAL.hung_up or self._is_ready(least or 1),  # noqa: B023
                deadline_ns=deadline,
            )
            if not came:
                return b""

    def _is_ready(self, least: int) -> bool:
        """Whether a read that wants so many bytes has them, or a whole record."""
        if TERMINAL.settings.c_lflag & ICANON:
            return bool(TERMINAL.record_count)
        return TERMINAL.available() >= least > 0 or (not least and TERMINAL.available() > 0)

    async def write(self, data: bytes) -> int:
        """Write all bytes."""
        return await CONSOLE_OUTPUT.get().write(data)

    def is_readable(self) -> bool:
        """Whether a read would not sleep."""
        return bool(TERMINAL.hung_up) or self._is_ready(1)

    def is_writable(self) -> bool:
        """Whether a write would not sleep."""
        return CONSOLE_OUTPUT.get().can_write()

    async def ioctl(self, command: int, argument: int) -> int:
        """Answer termios(3) and tty_ioctl(4).

        Raises:
            SysError: ENOTTY, not known here or the host's end is no terminal; EFAULT; EPERM.
        """
        handler = _IOCTLS.get(command & 0xFFFF_FFFF)
        if handler is not None:
            return await handler(argument)
        handler = _TERMINAL_IOCTLS.get(command & 0xFFFF_FFFF)
        if handler is None or not TERMINAL.is_terminal:
            raise SysError(Errno.ENOTTY)
        return await handler(argument)


CONSOLE: Final = ConsoleTerminal()

# -- ioctls ----------------------------------------------------------------------------------------

_SPEEDS: Final = termios.SPEED.to_bytes(4, "little") * 2


async def _get_settings(argument: int) -> int:
    with TERMINAL.lock:
        data = bytes(TERMINAL.settings)
    await copy_to_user(argument, data)
    return 0


async def _get_settings2(argument: int) -> int:
    with TERMINAL.lock:
        data = bytes(TERMINAL.settings)
    await copy_to_user(argument, data + _SPEEDS)
    return 0


async def _set(argument: int, *, flush: bool) -> int:
    new = Termios.from_buffer_copy(await copy_from_user(argument, Termios.SIZE))
    with TERMINAL.lock:
        if flush:
            line_discipline.flush(TERMINAL)
        memory.write(TERMINAL.settings.phys, bytes(new))
        if not new.c_lflag & ICANON and TERMINAL.editing():
            line_discipline.commit(TERMINAL, merge=True)  # what was typed so far are keys now
    TERMINAL.readers.wake_all()
    return 0


async def _set_settings(argument: int) -> int:
    return await _set(argument, flush=False)


async def _set_settings_flush(argument: int) -> int:
    return await _set(argument, flush=True)


async def _get_size(argument: int) -> int:
    await copy_to_user(argument, bytes(WindowSize(TERMINAL.rows, TERMINAL.cols)))
    return 0


async def _set_size(argument: int) -> int:
    size = WindowSize.from_buffer_copy(await copy_from_user(argument, WindowSize.SIZE))
    CONSOLE.resize(size.cols or 1, size.rows)  # no columns would mean: no terminal
    return 0


async def _flush(argument: int) -> int:
    if argument not in (0, 1, 2):
        raise SysError(Errno.EINVAL)
    if argument != 1:  # TCOFLUSH: output is with the host already
        with TERMINAL.lock:
            line_discipline.flush(TERMINAL)
    return 0


async def _input_bytes(argument: int) -> int:
    with TERMINAL.lock:
        count = TERMINAL.available()
    await copy_to_user(argument, count.to_bytes(4, "little"))
    return 0


async def _output_bytes(argument: int) -> int:
    await copy_to_user(argument, bytes(4))
    return 0


async def _make_controlling(_argument: int) -> int:
    group, session = CURRENT_JOB.get()()
    if TERMINAL.session not in (0, session) and TERMINAL.foreground:
        raise SysError(Errno.EPERM)
    TERMINAL.session, TERMINAL.foreground = session, group
    return 0


async def _give_up_controlling(_argument: int) -> int:
    TERMINAL.session = TERMINAL.foreground = 0
    return 0


async def _get_foreground(argument: int) -> int:
    await copy_to_user(argument, TERMINAL.foreground.to_bytes(4, "little"))
    return 0


async def _set_foreground(argument: int) -> int:
    group = int.from_bytes(await copy_from_user(argument, 4), "little", signed=True)
    if group <= 0:
        raise SysError(Errno.EINVAL)
    TERMINAL.foreground = group
    return 0


async def _get_session(argument: int) -> int:
    await copy_to_user(argument, TERMINAL.session.to_bytes(4, "little"))
    return 0


async def _nothing(_argument: int) -> int:
    return 0


#: Of every console.
_IOCTLS: Final = {
    termios.TIOCSCTTY: _make_controlling,
    termios.TIOCNOTTY: _give_up_controlling,
    termios.FIONREAD: _input_bytes,
}
#: Only where the host's end is a terminal.
_TERMINAL_IOCTLS: Final = {
    termios.TCGETS: _get_settings,
    termios.TCGETS2: _get_settings2,
    termios.TCSETS: _set_settings,
    termios.TCSETSW: _set_settings,
    termios.TCSETSF: _set_settings_flush,
    termios.TCSETS2: _set_settings,
    termios.TCSETSW2: _set_settings,
    termios.TCSETSF2: _set_settings_flush,
    termios.TIOCGWINSZ: _get_size,
    termios.TIOCSWINSZ: _set_size,
    termios.TCFLSH: _flush,
    termios.TCSBRK: _nothing,
    termios.TCSBRKP: _nothing,
    termios.TCXONC: _nothing,
    termios.TIOCOUTQ: _output_bytes,
    termios.TIOCGPGRP: _get_foreground,
    termios.TIOCSPGRP: _set_foreground,
    termios.TIOCGSID: _get_session,
}
