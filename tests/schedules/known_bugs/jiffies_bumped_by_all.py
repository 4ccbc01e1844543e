"""Every core's tick bumps the one clock: time runs as many times too fast (OPEN-13)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 1
LEDGER = "OPEN-13"
TICKS = 2


def setup(k):
    return SimpleNamespace(jiffies=k.word())


def core0(k, s):
    for _ in range(TICKS):
        s.jiffies.add(1)


def core0_repaired(k, s):
    for tick in range(1, TICKS + 1):  # the time that has passed, whoever says so
        s.jiffies.cas(tick - 1, tick)


core1, core1_repaired = core0, core0_repaired


def check(k, s):
    assert s.jiffies.value == TICKS
