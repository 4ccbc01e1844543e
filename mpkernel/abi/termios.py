"""Terminal settings as programs see them: struct termios, flags, ioctl numbers.

Spec: Linux include/uapi/asm-generic/{termbits,ioctls}.h on x86-64. State: none. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, layout, u8, u16, u32

TCGETS: Final = 0x5401
TCSETS: Final = 0x5402
TCSETSW: Final = 0x5403
TCSETSF: Final = 0x5404
TCSBRK: Final = 0x5409
TCXONC: Final = 0x540A
TCFLSH: Final = 0x540B
TIOCSCTTY: Final = 0x540E
TIOCGPGRP: Final = 0x540F
TIOCSPGRP: Final = 0x5410
TIOCOUTQ: Final = 0x5411
TIOCGWINSZ: Final = 0x5413
TIOCSWINSZ: Final = 0x5414
FIONREAD: Final = 0x541B
TIOCNOTTY: Final = 0x5422
TCSBRKP: Final = 0x5425
TIOCGSID: Final = 0x5429
TCGETS2: Final = 0x802C_542A
TCSETS2: Final = 0x402C_542B
TCSETSW2: Final = 0x402C_542C
TCSETSF2: Final = 0x402C_542D

# c_iflag
INLCR: Final = 0o100
IGNCR: Final = 0o200
ICRNL: Final = 0o400
IUTF8: Final = 0o40000
# c_oflag
OPOST: Final = 0o1
ONLCR: Final = 0o4
# c_cflag
B38400: Final = 0o17
CS8: Final = 0o60
CREAD: Final = 0o200
HUPCL: Final = 0o2000
# c_lflag
ISIG: Final = 0o1
ICANON: Final = 0o2
ECHO: Final = 0o10
ECHOE: Final = 0o20
ECHOK: Final = 0o40
ECHONL: Final = 0o100
NOFLSH: Final = 0o200
ECHOCTL: Final = 0o1000
ECHOKE: Final = 0o4000
IEXTEN: Final = 0o100000

# Indices of c_cc.
VINTR: Final = 0
VQUIT: Final = 1
VERASE: Final = 2
VKILL: Final = 3
VEOF: Final = 4
VTIME: Final = 5
VMIN: Final = 6
VSUSP: Final = 10
VEOL: Final = 11
VWERASE: Final = 14
VLNEXT: Final = 15
VEOL2: Final = 16

CONTROL_CHARACTERS: Final = 19
DEFAULT_CC: Final = bytes(
    (3, 0x1C, 0x7F, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1A, 0, 0x12, 0x0F, 0x17, 0x16, 0, 0, 0)
)

# Signals of a terminal.
SIGHUP: Final = 1
SIGINT: Final = 2
SIGQUIT: Final = 3
SIGCONT: Final = 18
SIGTSTP: Final = 20
SIGWINCH: Final = 28


@layout(size=36)
class Termios(Layout):
    """What TCGETS gives and TCSETS takes."""

    c_iflag: u32
    c_oflag: u32
    c_cflag: u32
    c_lflag: u32
    c_line: u8
    c_cc: Annotated[Any, ctypes.c_uint8 * CONTROL_CHARACTERS]


#: struct termios2 is struct termios, then input and output speed.
TERMIOS2_SIZE: Final = 44
SPEED: Final = 38400


@layout(size=8)
class WindowSize(Layout):
    """struct winsize."""

    rows: u16
    cols: u16
    x_pixels: u16
    y_pixels: u16
