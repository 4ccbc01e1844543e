"""Waiting for any of several files: one queue that everything pollable wakes.

A file that becomes readable or writable calls ``notify``; whoever polls looks at all its files
again. Coarse, but no waiter is ever lost, and nothing is spent while nobody polls.

State: RAM. Locks: WaitQueue.lock. Context: notify, any; the rest, task.
"""

from typing import Final

from mpkernel.arch import memory
from mpkernel.arch.atomics import fence
from mpkernel.sched.wait_queue import WaitQueue

POLLERS: Final = memory.static(WaitQueue)


def init() -> None:
    """Before the first file is polled (mount.init)."""
    POLLERS.init()


def notify() -> None:
    """Some file's readiness changed: first change it, then call this."""
    fence()
    if not POLLERS.is_empty():
        POLLERS.wake_all()
