"""A person at the terminal: echo, corrections, Ctrl-C, Ctrl-D and the window's size."""

import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

PROMPT = b"# "


class Person:
    """Types into a machine's terminal and reads what it shows."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (40, 120))
        self.machine = subprocess.Popen(
            [sys.executable, "-m", "mpkernel.cli.main", "boot", "--cpus", "2", "--timeout", "90"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = b""

    def until(self, wanted: bytes, seconds: float = 30) -> bytes:
        """What is shown up to and with ``wanted``."""
        end = time.monotonic() + seconds
        while wanted not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"{wanted!r} does not come; shown: {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 4096)
        at = self.seen.index(wanted) + len(wanted)
        shown, self.seen = self.seen[:at], self.seen[at:]
        return shown

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def leave(self) -> None:
        """End the machine whatever it does."""
        if self.machine.poll() is None:
            os.killpg(self.machine.pid, signal.SIGTERM)
            self.machine.wait(10)
        os.close(self.master)


@pytest.fixture
def person() -> Iterator[Person]:
    person = Person()
    try:
        person.until(PROMPT, 100)
        yield person
    finally:
        person.leave()


def test_a_session(person: Person) -> None:
    person.type(b"echo hex\x7fllo\r")
    assert person.until(PROMPT) == b"echo hex\b \bllo\r\nhello\r\n# "

    person.type(b"sleep 100\r")
    person.until(b"sleep 100\r\n")
    time.sleep(0.3)
    began = time.monotonic()
    person.type(b"\x03")
    assert person.until(PROMPT).startswith(b"^C")
    person.type(b"echo $?\r")
    assert b"\r\n130\r\n" in person.until(PROMPT)

    person.type(b"spin 3 100\r")
    person.until(b"spin 3 100\r\n")
    time.sleep(0.5)
    person.type(b"\x03")
    person.until(PROMPT)
    assert time.monotonic() - began < 10

    person.type(b"cat\rline\r")
    person.until(b"line\r\nline\r\n")
    person.type(b"\x04")
    person.until(PROMPT)

    person.type(b"wrong\x15exit 7\r")
    assert person.machine.wait(20) == 7
