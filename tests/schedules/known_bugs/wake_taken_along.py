"""A waiter that is killed takes along the wake that was meant for whoever uses it (E3)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 300
LEDGER = "E3"


def setup(k):
    return SimpleNamespace(tokens=k.word(), killed=k.word(), second=k.word(), queue=k.wait_queue())


async def core0(k, s):
    """Waits first, and leaves when it is killed, with or without a token."""
    await s.queue.wait_until(lambda: s.killed.load() or s.tokens.load())


async def core0_repaired(k, s):
    await s.queue.wait_until(lambda: s.killed.load() or s.tokens.load())
    s.queue.wake_one()  # what it was woken with may be another's


async def core1(k, s):
    while s.queue.is_empty():
        k.relax()
    s.second.store(1)
    await s.queue.wait_until(s.tokens.load)


def core2(k, s):
    while not s.second.load():
        k.relax()
    s.killed.store(1)
    s.tokens.store(1)
    s.queue.wake_one()
