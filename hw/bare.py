"""Bare images: a machine whose cores run what RAM holds, from real mode on, without mpkernel.

    Machine(config).run(bare_image(image, 0x1_0000))

Core 0 begins at the image's first byte; another core, when INIT and STARTUP have named a page of
the first MiB, at that page's. A core that shut down waits for INIT.

Spec: AMD64 APM vol. 2, 14.1, 16.5 (STARTUP). State: RAM, CpuState. Context: a core's own process.
"""

from hw import ram
from hw.cpu.port_io import Ports
from hw.cpu.vector_core import VectorCore
from hw.irq import doorbell
from hw.irq.apic_state import APICS
from hw.irq.local_apic import LOCAL_APICS
from hw.irq.party import came_online
from hw.machine import KernelEntry


def bare_image(image: bytes, address: int, ports: Ports | None = None) -> KernelEntry:
    """What to run on each core: the image at an address of the first MiB, a multiple of 16."""

    def entry(core: int) -> None:
        processor = VectorCore(core, ports)
        if core == 0:
            ram.write(address, image)
            processor.start(address >> 4, 0)
        else:
            processor.start(APICS[core].startup_vector << 8, 0)
        came_online(core)
        while True:
            processor.run()
            # Halted with interrupts off, or shut down: only INIT (or NMI) goes on from here.
            while LOCAL_APICS[core].accept_event() is None:
                doorbell.halt(core)

    return entry
