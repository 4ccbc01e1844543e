"""Trace points of the kernel: one call where something worth following happens.

    events.record(events.PAGE_FAULT, address, index)

Off, a point costs the test of one word.

State: board memory (hw.trace). Locks: none. Context: any.
"""

from mpkernel.arch.tracing import (
    BLOCK_REQUEST,
    DRIVER_REQUEST,
    FILE_PAGE,
    INTERRUPT_TAKEN,
    PAGE_FAULT,
    SYSTEM_CALL,
    TASK_RUNS,
    TASK_WOKEN,
    record,
)

__all__ = [
    "BLOCK_REQUEST",
    "DRIVER_REQUEST",
    "FILE_PAGE",
    "INTERRUPT_TAKEN",
    "PAGE_FAULT",
    "SYSTEM_CALL",
    "TASK_RUNS",
    "TASK_WOKEN",
    "record",
]
