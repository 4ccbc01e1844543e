"""Robust mutexes: a thread that dies marks those it holds, and wakes one waiter of each.

The list is in user memory: nothing in it is trusted, and its length is bounded.

    head: next entry (8) | offset from an entry to its futex word (8) | entry being taken (8)

Spec: Linux Documentation/locking/robust-futex-ABI.rst. State: user memory. Locks: none.
Context: task; may sleep.
"""

import struct
from typing import Final

from mpkernel.mm.user_memory import copy_from_user, get_u32, get_u64, put_u32
from mpkernel.proc import futex
from mpkernel.sched.task import Task

HEAD_SIZE: Final = 24
MOST_ENTRIES: Final = 2048
OWNER_DIED: Final = 0x40000000
WAITERS: Final = 0x80000000
TID_MASK: Final = 0x3FFFFFFF


async def release(task: Task) -> None:
    """Give up the robust mutexes of the current task.

    Raises:
        SysError: EFAULT, the list leads out of memory.
    """
    head = task.robust_list
    if not head:
        return
    task.robust_list = 0
    entry, offset, pending = struct.unpack("<QqQ", await copy_from_user(head, HEAD_SIZE))
    for _ in range(MOST_ENTRIES):
        if entry == head:
            break
        following = await get_u64(entry & ~1)
        if entry != pending:
            await _release_one((entry & ~1) + offset, task.tid)
        entry = following
    if pending:
        await _release_one((pending & ~1) + offset, task.tid)


async def _release_one(address: int, tid: int) -> None:
    word = await get_u32(address)
    if word & TID_MASK != tid:
        return
    await put_u32(address, word & WAITERS | OWNER_DIED)
    if word & WAITERS:
        await futex.wake(address, 1, is_shared=True)
