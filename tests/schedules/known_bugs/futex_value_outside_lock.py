"""FUTEX_WAIT compares the value before it holds the bucket: the wake comes in between."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "lost wakeup", "random", 50


def setup(k):
    return SimpleNamespace(value=k.word(1), bucket=k.mutex("bucket"), waiters=k.wait_queue())


async def core0(k, s):
    if s.value.load() == 1:
        async with s.bucket:
            pass
        await s.waiters.sleep()


async def core0_repaired(k, s):
    await s.waiters.wait_until(lambda: s.value.load() != 1)


async def core1(k, s):
    s.value.store(0)
    async with s.bucket:
        s.waiters.wake_one()
