"""What a machine is made of, as its user says it, checked before anything is made.

State: none. Context: the launcher.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hw.spec.boot_info import MAX_COMMAND_LINE
from hw.spec.memory_map import MAX_CPUS, MAX_RAM, MIB, MIN_RAM

MAX_DISKS: Final = 24
MAX_PORTS: Final = 8
MAX_NODES: Final = 8
#: The largest id that interrupt messages can name.
MAX_APIC_ID: Final = 32767


class MachineError(ValueError):
    """The machine cannot be made as asked; the text is one line that says what to do."""


@dataclass(frozen=True)
class DiskConfig:
    """A disk image. A private one is copied: the machine's writes are lost with it."""

    path: Path
    read_only: bool = False
    private: bool = False


@dataclass(frozen=True)
class PortConfig:
    """A console port: which descriptors of the launcher its bytes come from and go to."""

    name: str
    input_fd: int = -1
    output_fd: int = -1
    is_console: bool = False  #: end of input is ^D; a terminal gives raw keys and Ctrl-A commands


@dataclass(frozen=True)
class ModuleConfig:
    """A file put into RAM for the kernel to find."""

    name: str
    data: bytes


@dataclass(frozen=True)
class MachineConfig:
    """A machine. ``apic_ids`` may be sparse; without it core n has id n.

    Raises:
        MachineError: it cannot be built.

    """

    cpus: int = 4
    ram_bytes: int = 256 * MIB
    apic_ids: tuple[int, ...] = ()
    disks: tuple[DiskConfig, ...] = ()
    ports: tuple[PortConfig, ...] = (PortConfig("console", 0, 1, is_console=True),)
    numa_nodes: int = 1
    cmdline: str = ""
    boot_modules: tuple[ModuleConfig, ...] = field(default=(), repr=False)
    regions: bool = True  #: hot code is compiled while the machine runs
    timeout_s: float | None = None
    trace: Path | None = None  #: file that gets the trace when the machine has ended
    forward_signals: bool = False  #: INT, TERM and HUP go to the kernel if it takes them

    def __post_init__(self) -> None:
        modules = sum(len(module.data) for module in self.boot_modules)
        ids = self.apic_ids
        for wrong, text in (
            (
                not 1 <= self.cpus <= MAX_CPUS,
                f"a machine has 1 to {MAX_CPUS} cores, not {self.cpus}",
            ),
            (
                self.ram_bytes < MIN_RAM,
                f"{self.ram_bytes} bytes of RAM are too few: give {MIN_RAM // MIB} MiB or more",
            ),
            (
                self.ram_bytes > MAX_RAM,
                f"{self.ram_bytes} bytes of RAM are too many: give {MAX_RAM // MIB} MiB or less",
            ),
            (self.ram_bytes % 4096 != 0, "RAM is a whole number of 4 KiB pages"),
            (
                modules > self.ram_bytes // 2,
                f"boot modules of {modules} bytes need more RAM: give {modules * 2 // MIB + 1} MiB",
            ),
            (
                bool(ids) and (len(ids) != self.cpus or len(set(ids)) != len(ids)),
                f"{self.cpus} cores need {self.cpus} different APIC ids",
            ),
            (
                any(not 0 <= one <= MAX_APIC_ID or one == 0xFF for one in ids),
                f"APIC ids are 0 to {MAX_APIC_ID} without 255",
            ),
            (len(self.disks) > MAX_DISKS, f"a machine has at most {MAX_DISKS} disks"),
            (len(self.ports) > MAX_PORTS, f"a machine has at most {MAX_PORTS} console ports"),
            (
                not 1 <= self.numa_nodes <= min(MAX_NODES, self.cpus),
                f"{self.numa_nodes} NUMA nodes: give 1 to {min(MAX_NODES, self.cpus)}",
            ),
            (
                len(self.cmdline.encode()) > MAX_COMMAND_LINE,
                f"the command line is longer than {MAX_COMMAND_LINE} bytes",
            ),
        ):
            if wrong:
                raise MachineError(text)

    def apic_id(self, core: int) -> int:
        """Return the APIC id of a core."""
        return self.apic_ids[core] if self.apic_ids else core

    def node_of_core(self, core: int) -> int:
        """Return the NUMA node of a core: equal runs of cores."""
        return core * self.numa_nodes // self.cpus
