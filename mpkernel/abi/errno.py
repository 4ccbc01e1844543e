"""Error numbers of Linux on x86-64, and the two exceptions that carry them.

``SysError`` is the only way a kernel path tells a user program that it failed; it becomes -errno in
one place, syscall/dispatch.py. ``Interrupted`` leaves a sleep that a signal ended.

State: none. Context: any.
"""

import errno as _host
from enum import IntEnum

Errno = IntEnum("Errno", {name: number for number, name in _host.errorcode.items()})
"""EPERM, ENOENT, ...: Linux's numbers, which the host (always Linux) shares."""


class SysError(Exception):
    """A failure that the user program sees as -errno."""

    __slots__ = ("errno",)

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno

    def __str__(self) -> str:
        return Errno(self.errno).name


class Interrupted(SysError):
    """An interruptible sleep ended by a signal: EINTR, or the call is restarted."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_host.EINTR)
