"""A frame is freed after the table is changed and before other cores have flushed (OPEN-1)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "OPEN-1"


def setup(k):
    return SimpleNamespace(entry=k.word(1), cached=k.word(1), free=k.word(), asked=k.word())


def core0(k, s):
    s.entry.store(0)
    s.free.store(1)
    s.asked.store(1)


def core0_repaired(k, s):
    s.entry.store(0)
    s.asked.store(1)
    while s.cached.load():
        k.relax()
    s.free.store(1)


def core1(k, s):
    for _ in range(2):
        if s.asked.load():
            s.cached.store(0)
            return
        assert not s.free.load(), "a store through a stale translation"
    s.cached.store(0)
