"""The driver re-enables the queue's interrupts after it has seen the ring empty, and looks no more.

What completes in between raises no interrupt (FIX-7).
"""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 50
LEDGER = "FIX-7"


def setup(k):
    return SimpleNamespace(used=k.word(), wants=k.word(), raised=k.word(), queue=k.wait_queue())


async def core0(k, s):
    if s.used.load() == 0:
        s.wants.store(1)
        await s.queue.wait_until(s.raised.load)


async def core0_repaired(k, s):
    if s.used.load() == 0:
        s.wants.store(1)
        if s.used.load() == 0:
            await s.queue.wait_until(s.raised.load)


def core1(k, s):
    """The device: completes, and interrupts if it is wanted."""
    s.used.store(1)
    if s.wants.load():
        s.raised.store(1)
        s.queue.wake_all()
