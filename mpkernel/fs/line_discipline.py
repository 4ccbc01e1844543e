"""Line discipline: from typed bytes to what a program reads, with echo and signals.

    typed -> CR/NL -> signal keys -> edit the line -> commit: a record a line
    ring:  read_at <= committed <= end        records: lengths of what is committed

A read in canonical mode gets at most one record; a record of no bytes is ^D, the end of input. In
raw mode bytes are committed as they come and records are run together.

State: RAM (Terminal). Locks: Terminal.lock, held by the caller. Context: deferred work, task.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, atomic, guarded_by, layout, u16, u32
from mpkernel.abi.termios import (
    B38400,
    CREAD,
    CS8,
    DEFAULT_CC,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    HUPCL,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNCR,
    INLCR,
    ISIG,
    IUTF8,
    NOFLSH,
    ONLCR,
    OPOST,
    SIGINT,
    SIGQUIT,
    SIGTSTP,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VQUIT,
    VSUSP,
    VWERASE,
    Termios,
)
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync.spinlock import Spinlock

RING: Final = 4096
RECORDS: Final = 256
_CR, _NL, _TAB, _DEL = 0x0D, 0x0A, 0x09, 0x7F
_UNDERSCORE: Final = 0x5F
#: Local flags that make the key to kill a line wipe it off the screen.
_WIPES_LINES: Final = ECHO | ECHOE | ECHOK | ECHOKE
_SIGNAL_KEYS: Final = {VINTR: SIGINT, VQUIT: SIGQUIT, VSUSP: SIGTSTP}
_LOCK: Final = guarded_by("Terminal.lock")


@layout()
class Terminal(Layout):
    """A terminal: settings, who is in the foreground, input."""

    lock: Spinlock
    readers: WaitQueue
    settings: Annotated[Termios, _LOCK]
    foreground: Annotated[u32, atomic]  #: process group that gets signals, 0: none
    session: Annotated[u32, atomic]  #: whose controlling terminal this is, 0: nobody's
    cols: Annotated[u16, atomic]  #: 0: the host's end is no terminal
    rows: Annotated[u16, atomic]
    hung_up: Annotated[u32, atomic]  #: 1: no more input will come
    throttled: Annotated[u32, _LOCK]  #: 1: input waits at the driver until there is room
    literal: Annotated[u32, _LOCK]  #: 1: ^V was typed, the next byte is no key
    # counts of bytes ever put in; a place in the ring is a count modulo RING
    read_at: Annotated[u32, _LOCK]
    committed: Annotated[u32, _LOCK]
    end: Annotated[u32, _LOCK]
    first_record: Annotated[u32, _LOCK]
    record_count: Annotated[u32, _LOCK]
    records: Annotated[Any, ctypes.c_uint16 * RECORDS, _LOCK]
    ring: Annotated[Any, ctypes.c_uint8 * RING, _LOCK]

    @property
    def is_terminal(self) -> bool:
        """Whether a person may sit at the host's end."""
        return self.cols != 0

    def used(self) -> int:
        """Bytes in the ring."""
        return (self.end - self.read_at) & 0xFFFF_FFFF

    def available(self) -> int:
        """Bytes that may be read."""
        return (self.committed - self.read_at) & 0xFFFF_FFFF

    def editing(self) -> int:
        """Bytes of the line that is being typed."""
        return (self.end - self.committed) & 0xFFFF_FFFF


def set_defaults(settings: Termios) -> None:
    """Settings of a fresh terminal, as a login finds them."""
    settings.c_iflag = ICRNL | IUTF8
    settings.c_oflag = OPOST | ONLCR
    settings.c_cflag = B38400 | CS8 | CREAD | HUPCL
    settings.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
    settings.c_line = 0
    for index, byte in enumerate(DEFAULT_CC):
        settings.c_cc[index] = byte


class Discipline:
    """What is done with bytes typed at one time. ``echo`` and ``signals`` come of it."""

    __slots__ = ("_cc", "_flags", "_terminal", "echo", "signals")

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._flags: int = terminal.settings.c_lflag
        self._cc = bytes(terminal.settings.c_cc)
        self.echo = bytearray()
        self.signals: list[int] = []

    def receive(self, data: bytes) -> int:
        """Take typed bytes; return how many. Fewer than all only if no person types.

        A person's are taken or, when there is no room, dropped: a key that makes a signal must
        be seen whatever is unread before it.
        """
        for index, byte in enumerate(data):
            if not self._terminal.is_terminal and not self._has_room():
                self._terminal.throttled = 1
                return index
            self._byte(byte)
        return len(data)

    def _has_room(self) -> bool:
        terminal = self._terminal
        if terminal.record_count >= RECORDS - 1:
            return False
        if terminal.used() >= RING - 1 and not terminal.available():
            commit(terminal)  # a line as long as the ring is read in pieces
        return bool(terminal.used() < RING - 1)

    def _is_key(self, byte: int, key: int) -> bool:
        return byte != 0 and self._cc[key] == byte

    def _byte(self, byte: int) -> None:
        terminal = self._terminal
        if terminal.literal:
            terminal.literal = 0
            self._insert(byte, quoted=True)
            return
        input_flags = terminal.settings.c_iflag
        if byte == _CR:
            if input_flags & IGNCR:
                return
            if input_flags & ICRNL:
                byte = _NL
        elif byte == _NL and input_flags & INLCR:
            byte = _CR
        if self._flags & ISIG and self._signal_key(byte):
            return
        if self._flags & ICANON:
            self._canonical(byte)
        else:
            self._insert(byte)

    def _signal_key(self, byte: int) -> bool:
        for key, signal in _SIGNAL_KEYS.items():
            if self._is_key(byte, key):
                if not self._flags & NOFLSH:
                    flush(self._terminal)
                self._show(byte)
                self.signals.append(signal)
                return True
        return False

    def _canonical(self, byte: int) -> None:
        terminal = self._terminal
        extended = self._flags & IEXTEN
        if byte == _NL or self._is_key(byte, VEOL) or (extended and self._is_key(byte, VEOL2)):
            self._end_line(byte)
        elif self._is_key(byte, VEOF):
            commit(terminal)
        elif self._is_key(byte, VERASE):
            self._erase_character()
        elif self._is_key(byte, VKILL):
            self._kill_line(byte)
        elif extended and self._is_key(byte, VWERASE):
            self._erase_word()
        elif extended and self._is_key(byte, VLNEXT):
            terminal.literal = 1
            if self._flags & ECHO and self._flags & ECHOCTL:
                self._echo(b"^\b")
        else:
            self._insert(byte)

    def _end_line(self, byte: int) -> None:
        """Commit the line; the last place of the ring is kept for its end."""
        terminal = self._terminal
        if terminal.used() < RING and terminal.record_count < RECORDS:
            _append(terminal, byte)
            commit(terminal)
        if self._flags & ECHO or (byte == _NL and self._flags & ECHONL):
            self._echo(bytes([byte]) if byte == _NL else self._shown(byte))

    def _insert(self, byte: int, *, quoted: bool = False) -> None:
        """Add a byte to the line; in raw mode it may be read at once."""
        terminal = self._terminal
        if terminal.used() >= RING - 1 or terminal.record_count >= RECORDS:
            return
        _append(terminal, byte)
        if not self._flags & ICANON:
            commit(terminal, merge=True)
        self._show(byte, quoted=quoted)

    # -- echo --------------------------------------------------------------------------------------

    def _echo(self, data: bytes) -> None:
        if self._terminal.is_terminal:
            self.echo += data

    def _show(self, byte: int, *, quoted: bool = False) -> None:
        if self._flags & ECHO:
            self._echo(self._shown(byte, quoted=quoted))

    def _shown(self, byte: int, *, quoted: bool = False) -> bytes:
        """A byte as it looks when it is echoed: ^C for 3, ^J for a quoted newline."""
        is_plain = byte == _TAB or (byte == _NL and not quoted)
        if _is_control(byte) and not is_plain and self._flags & ECHOCTL:
            return b"^" + bytes([byte ^ 0x40])
        return bytes([byte])

    # -- editing -----------------------------------------------------------------------------------

    def _erase_character(self) -> None:
        terminal = self._terminal
        if terminal.editing():
            character = self._drop()
            if self._flags & ECHO and not self._flags & ECHOE:
                self._show(self._cc[VERASE])
            else:
                self._wipe(character)

    def _erase_word(self) -> None:
        seen_word = False
        while self._terminal.editing():
            first = self._character()[0]
            in_word = chr(first).isalnum() or first == _UNDERSCORE
            if seen_word and not in_word:
                return
            seen_word = seen_word or in_word
            self._wipe(self._drop())

    def _kill_line(self, byte: int) -> None:
        terminal = self._terminal
        if not terminal.editing():
            return
        wipes = self._flags & _WIPES_LINES == _WIPES_LINES
        while terminal.editing():
            character = self._drop()
            if wipes:
                self._wipe(character)
        if not wipes:
            self._show(byte)
            if self._flags & ECHO and self._flags & ECHOK:
                self._echo(b"\n")

    def _character(self) -> bytes:
        """The last character of the line, of several bytes perhaps."""
        terminal = self._terminal
        utf8 = terminal.settings.c_iflag & IUTF8
        character = b""
        for back in range(1, terminal.editing() + 1):
            byte = terminal.ring[(terminal.end - back) % RING]
            character = bytes([byte]) + character
            if not (utf8 and 0x80 <= byte < 0xC0):
                break
        return character

    def _drop(self) -> bytes:
        """Take the last character off the line."""
        character = self._character()
        self._terminal.end -= len(character)
        return character

    def _wipe(self, character: bytes) -> None:
        """Take a character off the screen, where it stands as ``_shown`` says."""
        if self._flags & ECHO:
            control_columns = 2 if self._flags & ECHOCTL else 0
            columns = control_columns if _is_control(character[0]) else 1
            self._echo(b"\b \b" * columns)


def _is_control(byte: int) -> bool:
    return byte < 0x20 or byte == _DEL


def _append(terminal: Terminal, byte: int) -> None:
    terminal.ring[terminal.end % RING] = byte
    terminal.end += 1


def commit(terminal: Terminal, *, merge: bool = False) -> None:
    """Let the line be read, as a record; ``merge``: as part of the last record, if it has bytes."""
    size = terminal.editing()
    terminal.committed = terminal.end
    last = (terminal.first_record + terminal.record_count - 1) % RECORDS
    if merge and terminal.record_count and terminal.records[last]:
        terminal.records[last] += size
    elif terminal.record_count < RECORDS:
        terminal.records[(last + 1) % RECORDS] = size
        terminal.record_count += 1


def flush(terminal: Terminal) -> None:
    """Throw all input away."""
    terminal.read_at = terminal.committed = terminal.end
    terminal.record_count = 0
    terminal.literal = 0


def take(terminal: Terminal, size: int) -> bytes:
    """Take what one read gets: at most one record, or in raw mode whatever there is."""
    one_line = terminal.settings.c_lflag & ICANON
    data = bytearray()
    while terminal.record_count:
        length = terminal.records[terminal.first_record]
        part = min(length, size - len(data))
        data += bytes(terminal.ring[(terminal.read_at + i) % RING] for i in range(part))
        terminal.read_at += part
        terminal.records[terminal.first_record] = length - part
        if part == length:
            terminal.first_record = (terminal.first_record + 1) % RECORDS
            terminal.record_count -= 1
        if one_line or len(data) == size:
            break
    return bytes(data)
