"""A board without processes: memory and hardware in power-on state, for tests of single models.

State: maps a machine into this process; one at a time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hw import ram
from hw.board import power_on
from hw.bus import mmio
from hw.disk.image import Image
from hw.irq.local_apic import LOCAL_APICS, LocalApic
from hw.machine_config import MachineConfig
from hw.spec.apic import LAPIC_SVR, SVR_ENABLE
from hw.spec.memory_map import LOCAL_APIC_BASE
from tests.support import lockdep


@contextmanager
def powered_board(config: MachineConfig, images: Sequence[Image] = ()) -> Iterator[None]:
    """Make a board as it is when power has come on; it is gone at the end."""
    files = ram.create(config.ram_bytes)
    try:
        power_on(config, images)
        yield
        lockdep.assert_quiet()
    finally:
        lockdep.forget()
        ram.close(files)


def enabled_apic(core: int) -> LocalApic:
    """Return a core's local APIC, switched on."""
    mmio.write(core, LOCAL_APIC_BASE + LAPIC_SVR, 4, SVR_ENABLE | 0xFF)
    return LOCAL_APICS[core]


def accepted(core: int) -> list[int]:
    """Take and end all interrupts that a core may take now."""
    taken = []
    while (vector := LOCAL_APICS[core].accept()) is not None:
        taken.append(vector)
        if vector != 2:
            LOCAL_APICS[core].eoi()
    return taken
