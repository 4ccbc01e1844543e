"""The last writer closes a pipe and wakes no reader: who waits for bytes waits for ever."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "pct", 100


def setup(k):
    return SimpleNamespace(bytes_ready=k.word(), writers=k.word(1), readers=k.wait_queue())


async def core0(k, s):
    await s.readers.wait_until(lambda: s.bytes_ready.load() or not s.writers.load())


def core1(k, s):
    s.writers.add(-1)


def core1_repaired(k, s):
    s.writers.add(-1)
    s.readers.wake_all()
