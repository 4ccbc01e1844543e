"""A signal that comes between the test for signals and the sleep does not end the sleep."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "random", 50


def setup(k):
    return SimpleNamespace(signals=k.word(), queue=k.wait_queue())


async def core0(k, s):
    if not s.signals.load():
        await s.queue.sleep()


async def core0_repaired(k, s):
    await s.queue.wait_until(s.signals.load)


def core1(k, s):
    s.signals.store(1 << 9)
    s.queue.wake_one()
