"""An interrupt handler spins for a flag that the code it interrupted has to clear."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 20


def setup(k):
    return SimpleNamespace(busy=k.word(), missed=k.word())


def core0(k, s):
    s.busy.store(1)
    k.safepoint()
    s.busy.store(0)


def irq0(k, s):
    while s.busy.load():
        k.relax()


def irq0_repaired(k, s):
    if s.busy.load():
        s.missed.store(1)  # whoever is busy looks when it is done
