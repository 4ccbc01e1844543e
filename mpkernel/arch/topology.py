"""How many CPUs there are, their APIC ids, and how far their start has come.

State: the board. Locks: none. Context: any.
"""

from typing import Final

from hw.irq.party import (
    MODE_GUEST,
    MODE_USER,
    PARTIES,
    STATE_NAMES,
    STATE_ONLINE,
    came_online,
    core_count,
    core_state,
)

__all__ = ["apic_id", "came_online", "cpu_count", "is_in_user_mode", "is_online", "state_name"]

cpu_count: Final = core_count


def apic_id(index: int) -> int:
    """APIC id of a CPU."""
    value: int = PARTIES[index].apic_id
    return value


def is_online(index: int) -> bool:
    """Whether the kernel runs on the CPU."""
    return PARTIES[index].state == STATE_ONLINE


def is_in_user_mode(index: int) -> bool:
    """Whether the CPU runs user or guest code, after a full fence: its kernel looks at nothing."""
    return PARTIES[index].mode.load() in (MODE_USER, MODE_GUEST)


def state_name(index: int) -> str:
    """offline, launched, online, halted or lost."""
    return STATE_NAMES[core_state(index)]
