"""The exit of a child is announced only to a parent that waits already (OPEN-10)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 50
LEDGER = "OPEN-10"


def setup(k):
    return SimpleNamespace(children=k.wait_queue(), zombies=k.word(), waits=k.word())


async def core0(k, s):
    s.waits.store(1)
    await s.children.wait_until(s.zombies.load)


def core1(k, s):
    if s.waits.load():
        s.zombies.add(1)
        s.children.wake_all()


def core1_repaired(k, s):
    s.zombies.add(1)
    s.children.wake_all()
