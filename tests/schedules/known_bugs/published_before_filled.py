"""A descriptor is published before it is filled: the device reads what was there (FIX-7)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "FIX-7"


def setup(k):
    return SimpleNamespace(address=k.word(), index=k.word())


def core0(k, s):
    s.index.store(1)
    s.address.store(0x5000)


def core0_repaired(k, s):
    s.address.store(0x5000)
    s.index.store(1)


def core1(k, s):
    if s.index.load():
        assert s.address.load() == 0x5000
