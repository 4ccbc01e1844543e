"""The with-block of locks that have several: what it calls, and what an exception does."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import interrupts
from mpkernel.panic import KernelPanic
from mpkernel.sync.guard import Guard, check_exit
from tests.support.kernel import kernel


def test_it_enters_and_leaves_with_interrupts_off_if_asked():
    with kernel():
        seen: list[tuple[str, bool]] = []

        def enter() -> None:
            seen.append(("in", interrupts.enabled()))

        def leave() -> None:
            seen.append(("out", interrupts.enabled()))

        with Guard("a", enter, leave, irqsave=True):
            pass
        assert interrupts.enabled()
        with pytest.raises(SysError), Guard("a", enter, leave):
            raise SysError(Errno.EIO)
        assert seen == [("in", False), ("out", False), ("in", True), ("out", True)]


def test_an_exception_is_no_unlock():
    left: list[int] = []
    with pytest.raises(KernelPanic, match="ValueError with the a lock held: bad"):  # noqa: SIM117
        with Guard("a", lambda: None, lambda: left.append(1)):
            raise ValueError("bad")
    assert not left
    check_exit("a", None, None)
    check_exit("a", SysError, SysError(Errno.EIO))
