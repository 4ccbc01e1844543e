"""A counter is loaded, raised and stored: what another core added in between is lost."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(packets=k.word())


def core0(k, s):
    s.packets.store(s.packets.load() + 1)


def core0_repaired(k, s):
    s.packets.add(1)


core1, core1_repaired = core0, core0_repaired


def check(k, s):
    assert s.packets.value == 2
