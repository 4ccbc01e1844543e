"""A task waits for a completion with the mutex held that the completer needs first."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 20


def setup(k):
    return SimpleNamespace(device=k.mutex("device"), ready=k.completion())


async def core0(k, s):
    async with s.device:
        await s.ready.wait()


async def core0_repaired(k, s):
    async with s.device:
        pass
    await s.ready.wait()


async def core1(k, s):
    async with s.device:
        pass
    s.ready.complete()
