"""What the watcher found, for people and for programs.

State: none. Context: the launcher.
"""

from dataclasses import dataclass, field
from typing import Final

# Kinds.
DEADLOCK: Final = "deadlock"
STUCK_SPIN: Final = "stuck spin"
SOFT_LOCKUP: Final = "soft lockup"
HARD_LOCKUP: Final = "hard lockup"
STORM: Final = "interrupt storm"
IRQS_OFF: Final = "interrupts off for long"
PREEMPT_OFF: Final = "preemption off for long"
HUNG_TASK: Final = "hung task"
LOST_WAKEUP: Final = "lost wakeup"

#: Innermost calls of a stack that are shown.
_MOST_CALLS: Final = 12


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    kind: str
    what: str  #: in one line
    details: tuple[str, ...] = ()
    stacks: dict[str, list[str]] = field(default_factory=dict)  #: by CPU or task

    def text(self) -> str:
        """For people."""
        lines = [f"mpkernel: {self.kind}: {self.what}", *(f"  {line}" for line in self.details)]
        for who, stack in self.stacks.items():
            lines.append(f"  {who} stands at" if stack else f"  {who} does not answer")
            lines += [f"    {call}" for call in stack[:_MOST_CALLS]]
        return "\n".join(lines)
