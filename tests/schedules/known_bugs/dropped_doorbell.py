"""A core looks for work, then says that it halts; the sender in between rings nobody."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 50


def setup(k):
    return SimpleNamespace(halted=k.word(), pending=k.word(), rung=k.word())


def halt(k, s):
    while not s.rung.load():
        k.relax()


def core0(k, s):
    if not s.pending.load():
        s.halted.store(1)
        halt(k, s)


def core0_repaired(k, s):
    s.halted.store(1)
    if not s.pending.load():
        halt(k, s)


def core1(k, s):
    s.pending.store(1)
    if s.halted.load():
        s.rung.store(1)
