"""Who can be woken: each core, the device process, the launcher, the compiler of regions.

A core's record says what its process is, what it does (mode) and how far its start has come
(state). Modes are published by their owner and read by whoever has an interrupt to send or a TLB
to shoot down: store mode, fence, look; the sender writes, fence, reads mode.

State: board memory. Locks: none; every field is one aligned word.
Context: any.
"""

from typing import Annotated, Final

from hw import ram
from hw.atomics import AtomicU64
from hw.spec.layout import Layout, atomic, fixed, i32, layout, u32
from hw.spec.memory_map import MAX_CPUS

MODE_KERNEL: Final = 0
MODE_USER: Final = 1
MODE_GUEST: Final = 2
#: Asleep, or about to be: needs its doorbell rung.
MODE_HALTED: Final = 3
#: Still asleep, but the message that wakes it is under way.
MODE_RUNG: Final = 4

STATE_OFFLINE: Final = 0
#: STARTUP was accepted; the kernel has not said yet that it runs.
STATE_LAUNCHED: Final = 1
STATE_ONLINE: Final = 2
STATE_HALTED: Final = 3
STATE_LOST: Final = 4
STATE_NAMES: Final = ("offline", "launched", "online", "halted", "lost")

DEVICE_PARTY: Final = MAX_CPUS
LAUNCHER_PARTY: Final = MAX_CPUS + 1
COMPILER_PARTY: Final = MAX_CPUS + 2


@layout(size=32)
class PartyRecord(Layout):
    """One process of the machine."""

    mode: AtomicU64  #: MODE_*
    state: Annotated[u32, atomic]  #: STATE_*, of cores
    pid: Annotated[u32, fixed]
    apic_id: Annotated[u32, fixed]
    doorbell_fd: Annotated[i32, fixed]  #: its message queue, the same number in every process
    node: Annotated[u32, fixed]  #: NUMA node, of cores
    exit_status: Annotated[u32, fixed]


@layout(size=8)
class PartyHeader(Layout):
    """How many there are."""

    core_count: Annotated[u32, fixed]
    launcher_pidfd: Annotated[i32, fixed]  #: readable when the launcher has ended


PARTIES: Final = ram.BOARD.place_array(PartyRecord, MAX_CPUS + 3)
HEADER: Final = ram.BOARD.place(PartyHeader)


def core_count() -> int:
    """Return how many cores the machine has."""
    return HEADER.core_count


def core_state(core: int) -> int:
    """Return a core's STATE_*, with sleep seen."""
    record = PARTIES[core]
    if record.state == STATE_ONLINE and record.mode.value in (MODE_HALTED, MODE_RUNG):
        return STATE_HALTED
    return record.state


def came_online(core: int) -> None:
    """Publish that the kernel runs on this core; called by that core."""
    PARTIES[core].state = STATE_ONLINE


def core_with_apic_id(apic_id: int) -> int | None:
    """Return the core with this APIC id, None if there is none."""
    count = HEADER.core_count
    if apic_id < count and PARTIES[apic_id].apic_id == apic_id:
        return apic_id
    for core in range(count):
        if PARTIES[core].apic_id == apic_id:
            return core
    return None


def name_of(party: int) -> str:
    """Return what messages call a party."""
    names = {
        DEVICE_PARTY: "device process",
        LAUNCHER_PARTY: "launcher",
        COMPILER_PARTY: "compiler process",
    }
    return names.get(party, f"core {party}")
