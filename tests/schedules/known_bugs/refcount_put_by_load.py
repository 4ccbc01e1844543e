"""A reference is dropped, then the count is looked at: both see zero, both free."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(count=k.word(2), freed=k.word())


def core0(k, s):
    s.count.add(-1)
    if s.count.load() == 0:
        s.freed.add(1)


def core0_repaired(k, s):
    if s.count.add(-1) == 1:
        s.freed.add(1)


core1, core1_repaired = core0, core0_repaired


def check(k, s):
    assert s.freed.value == 1
