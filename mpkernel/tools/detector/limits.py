"""How long is too long: the times after which the watcher says that something is wrong.

State: none (constants). Context: the launcher.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """All in seconds. ``_cpu_s`` is CPU time of the core's process: a slow host is no fault."""

    look_s: float = 0.04  #: between two looks at who waits
    confirm_s: float = 0.02  #: between the two readings that make a circle a deadlock
    progress_s: float = 0.2  #: between two looks at what does not get on
    spin_s: float = 10.0  #: one wait of a CPU
    soft_lockup_cpu_s: float = 10.0  #: in the kernel, without a turn of the scheduler
    hard_lockup_cpu_s: float = 5.0  #: in the kernel, without a safepoint
    storm_cpu_s: float = 2.0  #: in nothing but interrupts
    storm_interrupts: int = 1000  #: and so many of them at least
    section_cpu_s: float = 1.0  #: interrupts or preemption off
    hung_task_s: float = 120.0  #: asleep where no signal wakes it
    lost_wakeup_s: float = 1.0  #: asleep before its condition is tested


DEFAULT: Final = Limits()
