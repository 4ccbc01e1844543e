"""The parent is told of the exit before the child has left its page tables (FIX-28)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "FIX-28"


def setup(k):
    return SimpleNamespace(exited=k.completion(), tables=k.word(1))


def leave_tables(s):
    assert s.tables.load(), "the core walks page tables that are freed"


def core0(k, s):
    s.exited.complete()
    leave_tables(s)


def core0_repaired(k, s):
    leave_tables(s)
    s.exited.complete()


async def core1(k, s):
    await s.exited.wait()
    s.tables.store(0)
