"""Two writers of a sequence do not exclude each other: it is even while one is still at it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "panic", "random", 20


def setup(k):
    return SimpleNamespace(
        lock=k.seqlock("clock"), a=k.spinlock("a"), b=k.spinlock("b"), n=k.word()
    )


def core0(k, s):
    with (s.a, s.b)[k.core]:
        s.lock.count.write_begin()
        s.n.store(s.n.load() + 1)
        s.lock.count.write_end()


def core0_repaired(k, s):
    with s.lock.write():
        s.n.store(s.n.load() + 1)


core1, core1_repaired = core0, core0_repaired
