"""A look-up takes a reference to an object whose last user is just letting go."""

from types import SimpleNamespace

from mpkernel.sync.refcount import Refcount

KIND, TOOL, WITHIN = "panic", "random", 20


def setup(k):
    count = k.place(Refcount)
    count.value = 1
    return SimpleNamespace(count=count, freed=k.word())


def core0(k, s):
    if s.count.put():
        s.freed.store(1)


def core1(k, s):
    s.count.get()
    if s.count.put():
        s.freed.store(1)


def core1_repaired(k, s):
    if s.count.get_unless_zero() and s.count.put():
        s.freed.store(1)


def check(k, s):
    assert s.freed.value == 1
