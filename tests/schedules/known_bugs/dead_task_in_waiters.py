"""A killed task leaves its place in the list of waiters: the waker follows it (OPEN-6)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "OPEN-6"


def setup(k):
    return SimpleNamespace(lock=k.spinlock("wait_queue"), listed=k.word(1), alive=k.word(1))


def core0(k, s):
    """The task is killed, and its memory freed."""
    s.alive.store(0)


def core0_repaired(k, s):
    with s.lock:
        s.listed.store(0)
    s.alive.store(0)


def core1(k, s):
    with s.lock:
        if s.listed.load():
            assert s.alive.load(), "the waker follows a waiter that is gone"
