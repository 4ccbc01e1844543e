"""What is plugged where: the PCI slots, and all hardware in its state after power-on.

State: writes RAM and board memory. Locks: none; nothing runs yet.
Context: the launcher, before the fork.
"""

from collections.abc import Sequence
from typing import Final

from hw import clock
from hw.bus import pci_function
from hw.bus.pci_function import Identity
from hw.cpu.regions.record import OFTEN, REGIONS
from hw.cpu.state import TSC
from hw.disk.console_back_end import console_size
from hw.disk.image import Image
from hw.firmware import boot_info
from hw.irq import apic_state, hpet, io_apic
from hw.irq.party import HEADER, PARTIES
from hw.machine_config import MachineConfig
from hw.spec.pci import CLASS_BRIDGE, SUBCLASS_HOST_BRIDGE
from hw.spec.virtio import TYPE_BLK, TYPE_CONSOLE, TYPE_RNG
from hw.virtio import blk, console, rng, transport

#: PCI slots.
SLOT_HOST_BRIDGE: Final = 0
SLOT_CONSOLE: Final = 1
SLOT_ENTROPY: Final = 2
FIRST_DISK_SLOT: Final = 3
#: Queues of a disk: as many as cores, up to this.
_MAX_DISK_QUEUES: Final = 4


def power_on(config: MachineConfig, images: Sequence[Image] = ()) -> None:
    """Bring freshly made memory into the state of a machine whose power came on."""
    HEADER.core_count = config.cpus
    for core in range(config.cpus):
        PARTIES[core].apic_id = config.apic_id(core)
        PARTIES[core].node = config.node_of_core(core)
        apic_state.reset(core, boot_core=core == 0)
    io_apic.reset()
    hpet.reset()
    clock.start()
    TSC.start = clock.CLOCK.tsc_offset
    REGIONS.often = OFTEN if config.regions else 0
    plug_devices(config, images)
    boot_info.write(config)


def serial_of(slot: int) -> str:
    """Return the serial number of the disk in a slot."""
    return f"MPKDISK{slot - FIRST_DISK_SLOT:04}"


def plug_devices(config: MachineConfig, images: Sequence[Image]) -> None:
    """Put the PCI functions into their slots."""
    bridge = Identity(0x8086, 0x29C0, CLASS_BRIDGE, SUBCLASS_HOST_BRIDGE)
    pci_function.define(SLOT_HOST_BRIDGE, bridge, (), ())
    if config.ports:
        cols, rows = console_size(config.ports)
        transport.define(
            SLOT_CONSOLE,
            transport.identity(TYPE_CONSOLE, 0x07, 0x80),
            console.FEATURES,
            console.queue_count(len(config.ports)),
            console.config(len(config.ports), cols, rows),
        )
    transport.define(SLOT_ENTROPY, transport.identity(TYPE_RNG, 0xFF), 0, rng.QUEUES, b"")
    queues = min(config.cpus, _MAX_DISK_QUEUES)
    for slot, image in enumerate(images, start=FIRST_DISK_SLOT):
        disk = blk.Disk(image.sectors, image.read_only, serial_of(slot))
        transport.define(
            slot,
            transport.identity(TYPE_BLK, 0x01),
            blk.features(disk),
            queues,
            blk.config(disk, queues),
        )
