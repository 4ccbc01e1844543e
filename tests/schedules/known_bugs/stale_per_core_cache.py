"""A core keeps free frames to itself and counts them late: another finds none and gives up."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(version=k.word(1), value=k.word(10), cached=[k.word(1), k.word(10)])


def core0(k, s):
    s.value.store(20)
    s.version.store(2)


def core1(k, s):
    """Looks at the version, and believes its copy of the value."""
    if s.version.load() == 2:
        assert s.cached[1].load() == 20, "the copy is stale"


def core1_repaired(k, s):
    if s.version.load() != s.cached[0].load():
        s.cached[1].store(s.value.load())
    if s.version.load() == 2 and s.cached[0].load() == 2:
        assert s.cached[1].load() == 20
