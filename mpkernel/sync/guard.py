"""Guard: a with-block over a lock that has more than one way to be held.

    with table.lock.read(): ...
    with table.lock.write(irqsave=True): ...

An exception is no unlock: leaving by anything but SysError panics before the release, because what
the lock guards may be half changed.

State: private to the block. Context: any.
"""

from collections.abc import Callable
from types import TracebackType

from mpkernel.abi.errno import SysError
from mpkernel.arch import interrupts
from mpkernel.panic import panic


class Guard:
    """Calls ``enter`` and ``leave`` around a block, with interrupts off if asked to."""

    __slots__ = ("_enter", "_flag", "_irqsave", "_leave", "_name")

    def __init__(
        self,
        name: str,
        enter: Callable[[], object],
        leave: Callable[[], object],
        *,
        irqsave: bool = False,
    ) -> None:
        self._name = name
        self._enter = enter
        self._leave = leave
        self._irqsave = irqsave
        self._flag = 0

    def __enter__(self) -> None:
        if self._irqsave:
            self._flag = interrupts.save()
        self._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        check_exit(self._name, kind, error)
        self._leave()
        if self._irqsave:
            interrupts.restore(self._flag)


def check_exit(name: str, kind: type[BaseException] | None, error: BaseException | None) -> None:
    """Panic if a block that holds a spinning lock is left by anything but SysError."""
    if kind is not None and not issubclass(kind, SysError):
        panic(f"{kind.__name__} with the {name} lock held: {error}")
