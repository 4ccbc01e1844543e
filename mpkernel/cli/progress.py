"""A progress line on a terminal, for what is slow the first time only.

State: private to the launcher. Context: the launcher, before the machine.
"""

import sys
import time
from typing import Final

#: What is done sooner than this needs no line.
_PATIENCE_S: Final = 0.4
_CLEAR_LINE: Final = "\r\x1b[K"


class Progress:
    """One line on standard error, overwritten by the next, gone in the end; silent elsewhere."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._began = time.monotonic()
        self._is_dirty = False
        self._parts = 0

    def say(self, text: str) -> None:
        """Show a line at once: what follows is slow."""
        if self._shows:
            sys.stderr.write(f"{_CLEAR_LINE}mpkernel: {text} ...")
            sys.stderr.flush()
            self._is_dirty = True

    def compiling(self) -> None:
        """Show that one more part of the cores' native code is being compiled."""
        self._parts += 1
        if time.monotonic() - self._began >= _PATIENCE_S:
            self.say(f"compiling the cores' native code (once), part {self._parts}")

    def clear(self) -> None:
        """Leave no line behind."""
        if self._is_dirty:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
            self._is_dirty = False
