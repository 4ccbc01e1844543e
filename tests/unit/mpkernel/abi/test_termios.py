"""Terminal settings are the host's."""

import fcntl
import os
import pty
import termios as host

from mpkernel.abi import termios
from tests.support.host_headers import differing, misplaced

OWN = {"CONTROL_CHARACTERS", "TERMIOS2_SIZE", "SPEED"}


def test_constants_are_the_hosts():
    assert not differing(termios, ["linux/termios.h", "asm/signal.h"], without=OWN)


def test_structures_are_laid_out_as_the_hosts():
    headers = ["linux/termios.h"]
    assert not misplaced(termios.Termios, "struct termios", headers)
    names = {"rows": "ws_row", "cols": "ws_col", "x_pixels": "ws_xpixel", "y_pixels": "ws_ypixel"}
    assert not misplaced(termios.WindowSize, "struct winsize", headers, names)


def test_control_characters_of_a_new_terminal_are_the_hosts():
    ours, theirs = pty.openpty()
    try:
        said = fcntl.ioctl(theirs, host.TCGETS, bytes(termios.Termios.SIZE))
    finally:
        os.close(ours)
        os.close(theirs)
    at = termios.Termios.offset_of("c_cc")
    assert said[at : at + termios.CONTROL_CHARACTERS] == termios.DEFAULT_CC
