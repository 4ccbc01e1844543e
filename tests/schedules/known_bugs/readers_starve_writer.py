"""Readers come and go, one of them always inside: the writer never gets its turn."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "livelock", "pct", 100


def setup(k):
    return SimpleNamespace(readers=k.word(), wants=k.word(), stop=k.word())


def core0(k, s):
    """Reads for as long as nobody has written."""
    while not s.stop.load():
        s.readers.add(1)
        s.readers.add(-1)


def core0_repaired(k, s):
    while not s.stop.load():
        while s.wants.load():
            k.relax()
        s.readers.add(1)
        s.readers.add(-1)
        k.relax()


def core1(k, s):
    while s.readers.load():
        k.relax()
    s.stop.store(1)


def core1_repaired(k, s):
    s.wants.store(1)
    while s.readers.load():
        k.relax()
    s.stop.store(1)
    s.wants.store(0)
