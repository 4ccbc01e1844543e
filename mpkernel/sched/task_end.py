"""Seam: what becomes of a task that has left its CPU for the last time.

State: none. Context: the scheduler's loop, no task current, no lock held.
"""

from collections.abc import Callable
from typing import Final

from mpkernel.sched.task import Task
from mpkernel.seam import Seam

#: Called with a DEAD task that no CPU runs any more: drop the scheduler's reference to it.
TASK_END: Final[Seam[Callable[[Task], None]]] = Seam("task end")
