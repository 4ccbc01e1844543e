"""Everybody stands still: one core works while no other runs native code or decodes.

Used for what has no cheaper way to be right: LOCK across a cache line's border, stores into pages
of decoded code, emptying the arena. Cores in kernel Python code need not stop: they touch neither
the arena nor user registers, and wait at re-entry.

State: HEADER.exclusive of hw.cpu.code_cache, CpuState.running, pending words.
Locks: it is one; not recursive; nothing that waits for another core may be done inside.
Context: Python, outside native code.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hw.atomics import fence
from hw.cpu.code_cache import HEADER
from hw.cpu.run_loop import OUTSIDE
from hw.cpu.state import CORES
from hw.ram import PENDING, PENDING_EXCLUSIVE


@contextmanager
def exclusive(core_index: int) -> Iterator[None]:
    """Hold all other cores outside native code and decoding."""
    while HEADER.exclusive.cas(0, core_index + 1) != 0:
        os.sched_yield()
    try:
        for core in CORES:
            if core.running != OUTSIDE:
                PENDING[core.core_index].bits.or_(PENDING_EXCLUSIVE)
        for core in CORES:
            while core.running != OUTSIDE:
                os.sched_yield()
        yield
    finally:
        HEADER.exclusive.store(0)


def wait_until_free(core_index: int) -> None:
    """Stand still until nobody holds ``exclusive``."""
    PENDING[core_index].bits.and_(~PENDING_EXCLUSIVE)
    while HEADER.exclusive.load() != 0:
        os.sched_yield()


def publish_running(core_index: int, value: int) -> None:
    """Enter a state that ``exclusive`` waits for, once nobody holds it."""
    state = CORES[core_index]
    while True:
        state.running = value
        fence()
        if HEADER.exclusive.load() == 0:
            return
        state.running = OUTSIDE
        wait_until_free(core_index)
