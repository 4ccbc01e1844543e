"""A task waits for a mutex while it holds a spinlock: who wants that spins for ever."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "validator report", "validator", 2


def setup(k):
    return SimpleNamespace(table=k.spinlock("table"), inode=k.mutex("inode"))


async def core0(k, s):
    with s.table:
        await s.inode.acquire()
        s.inode.release()


async def core0_repaired(k, s):
    with s.table:
        pass
    async with s.inode:
        pass
