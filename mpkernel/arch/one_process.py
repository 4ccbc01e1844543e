"""All CPUs in one process: memory without cores or devices, for whoever decides who runs next.

A CPU here is a ``Cpu`` like any other: its locks, run queue and tasks are bytes in RAM. Only what
takes a process is replaced: the local APIC is a set of vectors and the CPU's pending word, whose
accesses a watcher sees (hw.spec.watch), so that an interrupt sent is an event like any store.

State: maps a machine into this process; one at a time. ``Interrupts`` is private to the process.
Locks: none. Context: mpkernel.tools.explore.
"""

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hw import clock, ram
from hw.cpu.state import CORES, CpuState
from hw.irq.apic_state import DEADLINES
from hw.irq.party import HEADER, PARTIES, came_online
from hw.ram import PENDING, PENDING_INTERRUPT
from hw.spec.apic import ICR_DEST_X2APIC, LAPIC_ICR_LOW, VECTOR
from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import KERNEL_DATA_BASE, MAX_CPUS, MIB
from mpkernel.arch import memory
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.arch.vectors import VECTOR_TIMER

if TYPE_CHECKING:
    from hw.cpu.core import Core
    from hw.irq.local_apic import LocalApic

#: RAM of a machine without programs, and where objects may be placed in it.
RAM_BYTES: Final = 32 * MIB
FREE_BASE: Final = 8 * MIB
#: Host addresses of the pending words, by CPU: not RAM, but what interrupts are made of.
PENDING_AT: Final = tuple(ctypes.addressof(word) for word in PENDING)


__all__ = ["PENDING", "PENDING_AT", "SHARED", "Interrupts", "Machine", "word_at"]


class Interrupts:
    """Local APIC of a CPU that is no process: vectors that wait, highest first."""

    __slots__ = ("_bits", "_peers", "waiting")

    def __init__(self, index: int, peers: "list[Interrupts]") -> None:
        self._bits = PENDING[index].bits
        self._peers = peers
        self.waiting = 0  #: bit a vector

    def post(self, vector: int) -> None:
        """Have the CPU take an interrupt at its next safepoint."""
        self._bits.or_(PENDING_INTERRUPT)
        self.waiting |= 1 << vector

    def accept(self) -> int | None:
        """Take the highest vector that waits; None if there is none."""
        self._bits.and_(~PENDING_INTERRUPT)
        if not self.waiting:
            return None
        vector = self.waiting.bit_length() - 1
        self.waiting &= ~(1 << vector)
        return vector

    def eoi(self) -> None:
        """End of interrupt: nothing is in service here."""

    def write_x2apic(self, register: int, value: int) -> None:
        """Send an IPI; other registers do not exist."""
        assert register == LAPIC_ICR_LOW
        self._peers[ICR_DEST_X2APIC.get(value)].post(VECTOR.get(value))


@dataclass(frozen=True)
class BareCore:
    """What of a core the kernel looks at where no user mode is: registers."""

    state: CpuState


class Machine:
    """CPUs of one process, which can go back to the state in which ``keep`` found them."""

    def __init__(self, cpus: int) -> None:
        self._files = ram.create(RAM_BYTES)
        HEADER.core_count = cpus
        clock.CLOCK.tsc_hz = clock.NS_PER_SECOND
        for index in range(cpus):
            PARTIES[index].apic_id = index
            came_online(index)
            DEADLINES[index].tsc.value = clock.NEVER
        self._data_bytes = memory.DATA.reserve(0) - DIRECT_MAP - KERNEL_DATA_BASE
        self._kept = memory.read(KERNEL_DATA_BASE, self._data_bytes)
        self._cpu_count = cpus
        self._next = FREE_BASE
        self.cpus: list[Cpu] = []
        self.interrupts: list[Interrupts] = []
        self.renew()

    def renew(self) -> None:
        """Make new CPUs, over the kernel's data as they were kept and no other objects."""
        if self._next > FREE_BASE:
            memory.zero(FREE_BASE, self._next - FREE_BASE)
        memory.write(KERNEL_DATA_BASE, self._kept)
        self._next = FREE_BASE
        peers: list[Interrupts] = []
        self.interrupts = peers
        self.cpus = []
        for index in range(self._cpu_count):
            PENDING[index].bits.value = 0
            DEADLINES[index].tsc.value = clock.NEVER
            apic = Interrupts(index, peers)
            peers.append(apic)
            core = cast("Core", BareCore(CORES[index]))
            self.cpus.append(Cpu(index, core, cast("LocalApic", apic)))

    def keep(self) -> None:
        """Keep the kernel's data as they are now for ``renew``."""
        self._kept = memory.read(KERNEL_DATA_BASE, self._data_bytes)

    def reserve(self, size: int) -> int:
        """Physical address of zeroed bytes, on cache lines of their own."""
        at = self._next
        self._next += -(-size // 64) * 64
        assert self._next <= RAM_BYTES, "the objects do not fit"
        return at

    def next_deadline(self) -> tuple[int, int]:
        """When the soonest timer of all CPUs fires (virtual ns), and on which CPU."""
        return min((DEADLINES[index].tsc.value, index) for index in range(self._cpu_count))

    def fire_timer(self, index: int) -> None:
        """Let the timer of a CPU fire."""
        DEADLINES[index].tsc.value = clock.NEVER
        self.interrupts[index].post(VECTOR_TIMER)

    def close(self) -> None:
        """Unmap the machine."""
        use_cpu(Cpu(0))
        ram.close(self._files)


def word_at(address: int) -> int:
    """The 64-bit word of RAM at a host address."""
    return int.from_bytes(memory.read(address - DIRECT_MAP, 8), "little")


#: Host addresses that cores share, as ranges: RAM; the pending words.
SHARED: Final = (
    (DIRECT_MAP, DIRECT_MAP + RAM_BYTES),
    (PENDING_AT[0], PENDING_AT[MAX_CPUS - 1] + 8),
)
