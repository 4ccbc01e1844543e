"""A waiter that gives up takes along the wake meant for the next one."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 2000
LEDGER = "E3"


def setup(k):
    return SimpleNamespace(tokens=k.word(), killed=k.word(), queue=k.wait_queue())


async def core0(k, s):
    """Waits for a token until it is killed; a wake that it does not use is lost with it."""
    await s.queue.wait_until(s.killed.load)


async def core0_repaired(k, s):
    await s.queue.wait_until(s.killed.load)
    s.queue.wake_one()


async def core1(k, s):
    await s.queue.wait_until(s.tokens.load)


def core2(k, s):
    s.killed.store(1)
    s.queue.wake_all()
    s.tokens.store(1)
    s.queue.wake_one()
