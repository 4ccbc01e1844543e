"""An exception is the finding that caused it."""

from mpkernel.panic import KernelPanic
from mpkernel.tools.explore.finding import ASSERTION, EXCEPTION, PANIC, Failure


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001
        return caught


def test_an_assertion_that_left_a_lock_is_the_assertion():
    try:
        try:
            raise AssertionError("n is 1")
        except AssertionError:
            raise KernelPanic("AssertionError with the lock held") from None
    except KernelPanic as panic:
        failure = Failure.of_exception("core0", panic)
    assert failure.kind == ASSERTION
    assert failure.text.endswith("n is 1")


def test_an_assertion_without_words_is_its_line():
    n = 1
    try:
        assert n == 2
    except AssertionError as error:
        text = Failure.of_exception("check", error).text
    assert "assert 1 == 2" in text or "assert n == 2" in text
    assert text.startswith("test_finding.py:")


def test_others():
    assert str(Failure.of_exception("core1", raised(KernelPanic("x")))) == f"{PANIC}: core1: x"
    assert str(Failure.of_exception("a", raised(KeyError(1)))) == f"{EXCEPTION}: a: KeyError: 1"
