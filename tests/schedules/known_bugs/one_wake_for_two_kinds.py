"""Producer and consumer sleep in one queue, and wake_one wakes a waiter of the wrong kind."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 2000


def setup(k):
    return SimpleNamespace(full=k.word(), queue=k.wait_queue())


async def put(k, s, wake):
    await s.queue.wait_until(lambda: s.full.cas(0, 1) == 0)
    wake(s)


async def take(k, s, wake):
    await s.queue.wait_until(lambda: s.full.cas(1, 0) == 1)
    wake(s)


def wake_one(s):
    s.queue.wake_one()


def wake_all(s):
    s.queue.wake_all()


async def core0(k, s):
    await put(k, s, wake_one)
    await put(k, s, wake_one)


async def core0_repaired(k, s):
    await put(k, s, wake_all)
    await put(k, s, wake_all)


async def core1(k, s):
    await take(k, s, wake_one)


async def core1_repaired(k, s):
    await take(k, s, wake_all)


core2, core2_repaired = core1, core1_repaired
