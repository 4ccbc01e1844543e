"""The host's terminal: raw keys while a machine runs, restored whatever happens; Ctrl-A commands.

Both the launcher and the device process hold the saved settings: the device process restores them
when the launcher is killed, the launcher when the device process is.

State: the terminal's settings; an escape prefix private to the device process.
Context: launcher before and after the run, device process during it.
"""

import os
import termios
import tty
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = 0x01  # Ctrl-A
_HELP: Final = (
    b"\r\nCtrl-A H  this list\r\nCtrl-A X  end the machine\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n"
)
DEFAULT_SIZE: Final = (80, 25)


class Terminal:
    """A terminal whose settings are saved; ``restore`` may be called more than once."""

    __slots__ = ("_fd", "_saved")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._saved = termios.tcgetattr(fd)

    def make_raw(self) -> None:
        """Pass every key on as it is; output keeps turning newline into CR LF."""
        tty.setraw(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[1] |= termios.OPOST | termios.ONLCR
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def restore(self) -> None:
        """Put the saved settings back."""
        try:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
        except termios.error:
            return  # the terminal is gone


def open_terminal(fd: int) -> Terminal | None:
    """Return the terminal behind a descriptor, None if it is none or another job's just now."""
    if fd < 0 or not os.isatty(fd):
        return None
    try:
        is_ours = os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        is_ours = True  # not our controlling terminal: no job control there
    return Terminal(fd) if is_ours else None


def size_of(fd: int) -> tuple[int, int]:
    """Return columns and rows of the terminal behind a descriptor, or the usual ones."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return DEFAULT_SIZE
    return (size.columns, size.lines) if size.columns and size.lines else DEFAULT_SIZE


@dataclass
class EscapeKeys:
    """Takes Ctrl-A commands out of what is typed."""

    pending: bool = False

    def filter(self, typed: bytes) -> tuple[bytes, bytes, bool]:
        """Return what goes to the machine, what to show, and whether to end the machine."""
        passed = bytearray()
        shown = b""
        for key in typed:
            if not self.pending:
                if key == _PREFIX:
                    self.pending = True
                else:
                    passed.append(key)
                continue
            self.pending = False
            letter = bytes([key]).lower()
            if letter == b"x":
                return bytes(passed), shown, True
            if letter == b"h":
                shown += _HELP
            elif key == _PREFIX:
                passed.append(key)
        return bytes(passed), shown, False
