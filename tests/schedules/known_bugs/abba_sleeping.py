"""Two tasks take two mutexes in opposite order: each sleeps for ever."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 20


def setup(k):
    return SimpleNamespace(parent=k.mutex("parent"), child=k.mutex("child"))


async def core0(k, s):
    async with s.parent, s.child:
        pass


async def core1(k, s):
    async with s.child, s.parent:
        pass


async def core1_repaired(k, s):
    async with s.parent, s.child:
        pass
