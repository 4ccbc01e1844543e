"""A flag that says "ready" is a plain field: nothing orders the data behind it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "data race", "racecheck", 2


def setup(k):
    return SimpleNamespace(data=k.cell(), ready=k.cell(), published=k.word())


def core0(k, s):
    s.data.value = 7
    s.ready.value = 1


def core0_repaired(k, s):
    s.data.value = 7
    s.published.store(1)


def core1(k, s):
    if s.ready.value:
        assert s.data.value == 7


def core1_repaired(k, s):
    if s.published.load():
        assert s.data.value == 7
