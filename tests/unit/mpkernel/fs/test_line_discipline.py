"""The line discipline against the host's own, on a pseudo-terminal with the same settings."""

import os
import select
import termios as host_termios
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpkernel.abi import termios
from mpkernel.fs import line_discipline
from mpkernel.fs.line_discipline import Discipline, Terminal
from tests.support.kernel import SCRATCH

pytestmark = [pytest.mark.feature("J1"), pytest.mark.usefixtures("bare")]

#: Both sides have read everything when they have read this.
END = b"\n\nEND\n"
KEYS = {"erase": 0x7F, "kill": 0x15, "word": 0x17, "literal": 0x16, "interrupt": 0x03, "quit": 0x1C}
TYPED = st.lists(
    st.one_of(
        st.sampled_from([bytes([key]) for key in KEYS.values()]),
        st.sampled_from(
            [b"a", b"bc", b"word two", b" ", b"\n", b"\r", b"\x01", "é".encode(), b"\x1b"]
        ),
    ),
    max_size=25,
).map(b"".join)
LOCAL_FLAGS = st.sets(
    st.sampled_from(
        [
            termios.ECHO, termios.ECHOE, termios.ECHOK, termios.ECHOCTL, termios.ECHOKE,
            termios.ECHONL, termios.IEXTEN, termios.ISIG, termios.NOFLSH,
        ]
    )
).map(sum)  # fmt: skip
INPUT_FLAGS = st.sets(st.sampled_from([termios.ICRNL, termios.IGNCR, termios.IUTF8])).map(sum)


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    """Return the two ends of a pseudo-terminal of the host."""
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def _on_host(
    pty: tuple[int, int], iflag: int, lflag: int, typed: bytes
) -> tuple[list[bytes], bytes]:
    """Lines and echo."""
    master, slave = pty
    host_termios.tcflush(slave, host_termios.TCIOFLUSH)
    attributes = host_termios.tcgetattr(slave)
    attributes[0], attributes[1], attributes[3] = iflag, 0, lflag
    attributes[6] = [bytes([byte]) for byte in termios.DEFAULT_CC] + attributes[6][
        len(termios.DEFAULT_CC) :
    ]
    host_termios.tcsetattr(slave, host_termios.TCSANOW, attributes)
    os.write(master, typed)
    lines = []
    while not lines or lines[-1] != b"END\n":
        assert select.select([slave], [], [], 5)[0], lines
        lines.append(os.read(slave, 4096))
    echo = b""
    while select.select([master], [], [], 0)[0]:
        echo += os.read(master, 4096)
    return lines, echo


def _here(iflag: int, lflag: int, typed: bytes) -> tuple[list[bytes], bytes]:
    terminal = Terminal.at(SCRATCH)
    line_discipline.flush(terminal)
    terminal.cols, terminal.rows = 80, 25
    line_discipline.set_defaults(terminal.settings)
    terminal.settings.c_iflag, terminal.settings.c_lflag = iflag, lflag
    discipline = Discipline(terminal)
    assert discipline.receive(typed) == len(typed)
    lines = []
    while terminal.record_count:
        lines.append(line_discipline.take(terminal, 4096))
    return lines, bytes(discipline.echo)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(iflag=INPUT_FLAGS, lflag=LOCAL_FLAGS, typed=TYPED)
def test_lines_and_echo_are_the_hosts(pty: tuple[int, int], iflag: int, lflag: int, typed: bytes):
    lflag |= termios.ICANON
    lines, echo = _here(iflag, lflag, typed + END)
    host_lines, host_echo = _on_host(pty, iflag, lflag, typed + END)
    assert lines == host_lines
    if not lflag & termios.ISIG or lflag & termios.NOFLSH:  # else it drops echo not yet seen
        assert echo == host_echo
