"""A mutex wakes its sleepers before it is free: one retries too early and sleeps again (OPEN-5)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 200
LEDGER = "OPEN-5"


def setup(k):
    return SimpleNamespace(owner=k.word(), sleepers=k.wait_queue(), inside=k.word())


async def section(k, s, release):
    await s.sleepers.wait_until(lambda: s.owner.cas(0, 1) == 0)
    assert s.inside.add(1) == 0
    s.inside.add(-1)
    release(s)


def wake_first(s):
    s.sleepers.wake_all()
    s.owner.store(0)


def free_first(s):
    s.owner.store(0)
    s.sleepers.wake_all()


async def core0(k, s):
    await section(k, s, wake_first)


async def core0_repaired(k, s):
    await section(k, s, free_first)


core1, core1_repaired = core0, core0_repaired
