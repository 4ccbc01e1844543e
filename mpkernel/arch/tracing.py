"""The kernel's door to the board's trace rings.

State: board memory. Locks: none. Context: any.
"""

from hw import trace
from hw.trace import (
    BLOCK_REQUEST,
    DRIVER_REQUEST,
    FILE_PAGE,
    INSTRUCTION,
    INTERRUPT_TAKEN,
    PAGE_FAULT,
    SYSTEM_CALL,
    TASK_RUNS,
    TASK_WOKEN,
    TRAP,
)
from mpkernel.arch.cpu import cpu

__all__ = [
    "BLOCK_REQUEST",
    "DRIVER_REQUEST",
    "FILE_PAGE",
    "INSTRUCTION",
    "INTERRUPT_TAKEN",
    "PAGE_FAULT",
    "SYSTEM_CALL",
    "TASK_RUNS",
    "TASK_WOKEN",
    "TRAP",
    "record",
]


def record(kind: int, first: int = 0, second: int = 0) -> None:
    """Record an event of this CPU, if anybody wants to know."""
    if trace.CONTROL.enabled:
        trace.record(cpu().index, kind, first, second)
