"""The waker wakes first and makes the condition true afterwards."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 100


def setup(k):
    return SimpleNamespace(queue=k.wait_queue(), ended=k.word())


async def core0(k, s):
    await s.queue.wait_until(s.ended.load)


def core1(k, s):
    s.queue.wake_all()
    s.ended.store(1)


def core1_repaired(k, s):
    s.ended.store(1)
    s.queue.wake_all()
