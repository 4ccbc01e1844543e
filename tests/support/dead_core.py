"""A machine of four cores of which core 2 takes STARTUP and then does nothing.

    python -m tests.support.dead_core COMMANDS

The status of the process is the machine's. Context: a process of its own, without threads.
"""

import sys

from guests.image import root_image
from hw.cpu import threaded
from hw.irq import doorbell
from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig
from mpkernel.boot import secondary
from mpkernel.boot.parameters import BootParameters
from mpkernel.boot.start import kernel_entry

DEAD: int = 2


def entry(core: int) -> None:
    """Run the kernel, but on one core."""
    while core == DEAD:
        doorbell.halt(core)
    kernel_entry(core)


def main() -> int:
    """Boot and run the commands."""
    threaded.load()
    secondary.ONLINE_DEADLINE_NS = 500_000_000  # type: ignore[misc]
    parameters = BootParameters(init_args=("-c", sys.argv[1]))
    config = MachineConfig(
        cpus=4, disks=(DiskConfig(root_image(), private=True),), cmdline=parameters.encode()
    )
    return Machine(config).run(entry)


if __name__ == "__main__":
    sys.exit(main())
