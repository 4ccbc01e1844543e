"""The end: a broken invariant stops the whole machine with status 70.

State: none. Context: any, also with locks held: nothing here takes a lock.
"""

from typing import NoReturn


class KernelPanic(BaseException):
    """Raised by ``panic``; only the CPU's outermost loop catches it, and stops the machine."""


def panic(message: str) -> NoReturn:
    """Stop: the kernel's own state can no longer be trusted."""
    raise KernelPanic(message)
