"""The wait queue's sleeper tests its condition before it is listed, not after (FIX-5)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "random", 50
LEDGER = "FIX-5"


def setup(k):
    return SimpleNamespace(queue=k.wait_queue(), bytes_ready=k.word())


async def core0(k, s):
    while not s.bytes_ready.load():
        await s.queue.sleep()


async def core0_repaired(k, s):
    await s.queue.wait_until(s.bytes_ready.load)


def core1(k, s):
    s.bytes_ready.add(1)
    s.queue.wake_all()
