"""A core compares TLB generations, then says that it is in user mode: the shootdown skips it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 50


def setup(k):
    return SimpleNamespace(generation=k.word(), in_user=k.word(), flushed=k.word(), freed=k.word())


def core0(k, s):
    seen = s.generation.load()
    s.in_user.store(1)
    user(s, seen)


def core0_repaired(k, s):
    s.in_user.store(1)
    user(s, s.generation.load())


def user(s, seen):
    if s.flushed.load() == 0 and seen == 0:
        assert not s.freed.load(), "user mode runs on a stale translation"
    s.in_user.store(0)


def core1(k, s):
    s.generation.add(1)
    if not s.in_user.load():  # it will compare generations on its way
        s.freed.store(1)
