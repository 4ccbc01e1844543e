"""Two cores find a flag clear and both initialize: the second wipes what the first has begun."""

from types import SimpleNamespace

from mpkernel.sync.once import OnceCell

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "OPEN-17"


def setup(k):
    return SimpleNamespace(flag=k.word(), made=k.word(), once=k.place(OnceCell))


def make(s):
    assert s.made.add(1) == 0, "initialized twice"
    return 1


def core0(k, s):
    if not s.flag.load():
        make(s)
        s.flag.store(1)


def core0_repaired(k, s):
    s.once.get_or_make(lambda: make(s))


core1, core1_repaired = core0, core0_repaired
