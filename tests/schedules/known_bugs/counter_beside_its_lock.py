"""One path raises a counter without the lock that guards it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "data race", "racecheck", 1


def setup(k):
    return SimpleNamespace(lock=k.spinlock("inode"), links=k.cell(1))


def core0(k, s):
    with s.lock:
        s.links.value += 1


def core1(k, s):
    s.links.value += 1


def core1_repaired(k, s):
    with s.lock:
        s.links.value += 1


def check(k, s):
    assert s.links.value == 3
