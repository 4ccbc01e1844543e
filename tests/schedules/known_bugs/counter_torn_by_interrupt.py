"""A per-core counter is raised in steps, and an interrupt of the same core raises it in between."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(events=k.word())


def core0(k, s):
    seen = s.events.load()
    k.safepoint()
    s.events.store(seen + 1)


def core0_repaired(k, s):
    k.irqs_off()
    seen = s.events.load()
    k.safepoint()
    s.events.store(seen + 1)
    k.irqs_on()


def irq0(k, s):
    s.events.add(1)


def check(k, s):
    assert s.events.value == 2
