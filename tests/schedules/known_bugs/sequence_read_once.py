"""A reader looks at the sequence before it reads and not afterwards: it gets half of each state."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 50


def setup(k):
    return SimpleNamespace(lock=k.seqlock("clock"), seconds=k.word(), shadow=k.word())


def core0(k, s):
    with s.lock.write():
        s.seconds.store(1)
        s.shadow.store(1)


def core1(k, s):
    s.lock.read_begin()
    assert s.seconds.load() == s.shadow.load()


def core1_repaired(k, s):
    seconds, shadow = s.lock.read(lambda: (s.seconds.load(), s.shadow.load()))
    assert seconds == shadow
