"""A field is written with the lock held for reading only: two readers write at once."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "data race", "racecheck", 1


def setup(k):
    return SimpleNamespace(lock=k.rwlock("names"), hits=k.cell())


def core0(k, s):
    with s.lock.read():
        s.hits.value += 1


def core0_repaired(k, s):
    with s.lock.write():
        s.hits.value += 1


core1, core1_repaired = core0, core0_repaired
