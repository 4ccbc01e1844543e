"""Work in the kernel counts on both sides; what does not agree is an error."""

import random

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.tools.stress import kernel_work
from mpkernel.tools.stress.kernel_work import STATE, StressDevice
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel(cpus=2) as one:
        yield one


def write(k: Kernel, *words: str) -> None:
    async def writer(word: str) -> int:
        return await StressDevice().write(word.encode())

    for number, word in enumerate(words):
        k.spawn(number % 2, writer(word))
    k.run()
    assert sorted(k.results) == sorted(len(word) for word in words)
    k.results.clear()


def test_all_locks_count_and_the_counts_agree(k: Kernel):
    write(k, *(f"spinning {seed}" for seed in range(4)), *(f"sleeping {n}" for n in range(4)))
    found = kernel_work.counts()
    assert all(found[name] > 0 for name in ("spinlock", "rwlock", "seqlock", "mutex"))
    assert found["rw-semaphore"] > 0
    write(k, "check 0")


@pytest.mark.parametrize("field", ["by_spinlock", "by_mutex", "by_rwsem"])
def test_a_lost_increment_is_found(k: Kernel, field: str):
    write(k, "spinning 1", "sleeping 1")
    setattr(STATE, field, getattr(STATE, field) - 1)
    with pytest.raises(SysError) as error:
        kernel_work.check()
    assert error.value.errno == Errno.EIO


def test_a_call_that_did_not_run_and_an_interrupt_too_many_are_found(k: Kernel):
    kernel_work.check()
    STATE.calls_asked.add(1)
    with pytest.raises(SysError):
        kernel_work.check()
    kernel_work.call_arrives(0)
    kernel_work.check()
    kernel_work.interrupt_arrives()
    with pytest.raises(SysError):
        kernel_work.check()


def test_a_torn_pair_is_found(k: Kernel):
    write(k, "spinning 1")
    STATE.twin += 1
    with pytest.raises(SysError):
        kernel_work.spinning(random.Random(1))  # reads the pair, among sixty operations


def test_an_unknown_word(k: Kernel):
    with pytest.raises(SysError):
        StressDevice().write(b"dance 1").send(None)
