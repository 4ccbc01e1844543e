"""A core waits for a function call on another with a lock held that the called function takes."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 20


def setup(k):
    return SimpleNamespace(lock=k.spinlock("counters"), done=k.word())


def core0(k, s):
    with s.lock.irqsave():
        k.ipi(1)
        while not s.done.load():
            k.relax()


def core0_repaired(k, s):
    with s.lock.irqsave():
        pass
    k.ipi(1)
    while not s.done.load():
        k.relax()


def ipi1(k, s):
    with s.lock:
        pass
    s.done.store(1)
