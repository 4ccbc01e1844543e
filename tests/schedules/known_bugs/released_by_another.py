"""A core releases a lock that another one holds (OPEN-14)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "panic", "random", 2
LEDGER = "OPEN-14"


def setup(k):
    return SimpleNamespace(lock=k.spinlock("buffer"))


def core0(k, s):
    s.lock.acquire()
    s.lock.release()


def core1(k, s):
    s.lock.release()


def core1_repaired(k, s):
    if s.lock.try_acquire():
        s.lock.release()
