"""A loop that tries a lock releases it on its way out, though the try has failed (OPEN-14)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "panic", "random", 50
LEDGER = "OPEN-14"


def setup(k):
    return SimpleNamespace(lock=k.spinlock("buffer"), done=k.word())


def core0(k, s):
    if s.lock.try_acquire():
        s.done.add(1)
    s.lock.release()


def core0_repaired(k, s):
    if s.lock.try_acquire():
        s.done.add(1)
        s.lock.release()


core1, core1_repaired = core0, core0_repaired
