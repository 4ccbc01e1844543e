"""Robust mutexes of a thread that dies: marked, one waiter woken; no list is trusted."""

import struct

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.mm.user_memory import copy_to_user, get_u32, put_u32, put_u64
from mpkernel.proc import futex, robust_list
from mpkernel.proc.robust_list import OWNER_DIED, WAITERS
from mpkernel.sched.task import current
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes

OFFSET = 16
ENTRIES = [SCRATCH + 0x100, SCRATCH + 0x200, SCRATCH + 0x300]


async def make_list(words: list[int], pending: int = 0) -> None:
    """A list of entries, each with its word ``OFFSET`` behind."""
    following = [*ENTRIES[1 : len(words)], SCRATCH]
    for entry, after, word in zip(ENTRIES, following, words, strict=False):
        await put_u64(entry, after)
        await put_u32(entry + OFFSET, word)
    await copy_to_user(SCRATCH, struct.pack("<QqQ", ENTRIES[0], OFFSET, pending))
    current().robust_list = SCRATCH


def test_only_its_own_are_marked(processes: Processes) -> None:
    async def body() -> None:
        task = current()
        await make_list([task.tid, task.tid + 1, task.tid | WAITERS])
        await robust_list.release(task)
        words = [await get_u32(entry + OFFSET) for entry in ENTRIES]
        assert words == [OWNER_DIED, task.tid + 1, OWNER_DIED | WAITERS]
        assert task.robust_list == 0
        await put_u32(ENTRIES[0] + OFFSET, task.tid)
        await robust_list.release(task)
        assert await get_u32(ENTRIES[0] + OFFSET) == task.tid

    processes.run(processes.make(), body)


def test_one_that_was_being_taken(processes: Processes) -> None:
    async def body() -> None:
        task = current()
        await make_list([0], pending=ENTRIES[2])
        await put_u32(ENTRIES[2] + OFFSET, task.tid)
        await robust_list.release(task)
        assert await get_u32(ENTRIES[2] + OFFSET) == OWNER_DIED

    processes.run(processes.make(), body)


def test_a_waiter_is_woken(processes: Processes) -> None:
    owner: list[int] = []
    order = []

    async def waiter() -> None:
        word = 99 | WAITERS
        await put_u32(ENTRIES[0] + OFFSET, word)
        await futex.wait(ENTRIES[0] + OFFSET, word, is_shared=True)
        order.append("woken")

    async def dying() -> None:
        task = current()
        owner.append(task.tid)
        await make_list([task.tid | WAITERS])
        order.append("dies")
        await robust_list.release(task)

    processes.run(processes.make(), waiter, dying)
    assert order == ["dies", "woken"]


def test_hostile_lists(processes: Processes) -> None:
    async def body() -> None:
        task = current()
        await make_list([0, 0])
        await put_u64(ENTRIES[1], ENTRIES[0])  # a circle that never comes back to the head
        await robust_list.release(task)
        await make_list([0])
        await put_u64(ENTRIES[0], 0x10)
        with pytest.raises(SysError, match="EFAULT"):
            await robust_list.release(task)

    processes.run(processes.make(), body)
