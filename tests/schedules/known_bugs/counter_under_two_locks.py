"""Two paths guard one counter by two different locks, that is: by none."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "data race", "racecheck", 1


def setup(k):
    return SimpleNamespace(a=k.spinlock("mount"), b=k.spinlock("names"), entries=k.cell())


def core0(k, s):
    with s.a:
        s.entries.value += 1


def core1(k, s):
    with s.b:
        s.entries.value += 1


def core1_repaired(k, s):
    with s.a:
        s.entries.value += 1
