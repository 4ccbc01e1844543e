"""From options to a machine that runs: what ``boot`` and ``run`` have in common.

Only here the launcher imports the board and the kernel, when all options are known to be good.

State: none of its own. Context: the launcher.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mpkernel.boot.parameters import BootParameters, LogLevel, Switch
from mpkernel.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hw.machine import KernelEntry
    from hw.machine_config import DiskConfig, MachineConfig, ModuleConfig, PortConfig


@dataclass(frozen=True)
class MachineOptions:
    """The options that every command with a machine has (see ``options.machine_options``)."""

    cpus: int
    ram_bytes: int
    root: Path | None
    disks: tuple[Path, ...]
    numa_nodes: int
    apic_ids: tuple[int, ...]
    regions: str
    timeout_s: float | None
    trace: Path | None
    log_level: LogLevel
    lockdep: Switch
    findings: Path | None
    on_deadlock: str = "stop"  #: or "kill": end one of its tasks if that helps
    profile: Path | None = None  #: where profiles go, as SVG and for speedscope
    profile_s: float | None = None  #: after which a profiled machine ends
    racecheck: bool = False  #: report races on data, of a machine with a schedule seed


def run_machine(
    options: MachineOptions,
    parameters: BootParameters,
    *,
    ports: "Sequence[PortConfig] | None" = None,
    modules: "Sequence[ModuleConfig]" = (),
    at_end: "Callable[[], None] | None" = None,
    schedule_seed: int | None = None,
) -> int:
    """Run a machine until it ends; return its status.

    ``at_end`` is called when it has ended, while its memory is still there. With a
    ``schedule_seed`` all of it takes turns in this process, and this ends the process.

    Raises:
        MachineError, ImageError, BuildError: it cannot be made as asked.
        OSError: the host lacks something.
    """
    from hw import native  # noqa: PLC0415  llvmlite and numpy come with it
    from hw.machine_config import MachineConfig, PortConfig  # noqa: PLC0415

    config = MachineConfig(
        cpus=options.cpus,
        ram_bytes=options.ram_bytes,
        apic_ids=options.apic_ids,
        ports=tuple(ports or (PortConfig("console", 0, 1, is_console=True),)),
        numa_nodes=options.numa_nodes,
        cmdline=parameters.encode(),
        boot_modules=tuple(modules),
        regions=options.regions == "on" and schedule_seed is None,
        timeout_s=options.timeout_s,
        trace=options.trace,
        forward_signals=parameters.stdio == "ports",
    )
    progress = Progress()
    native.when_compiling(progress.compiling)
    try:
        config = replace(config, disks=_disks(options, progress))
        from hw.cpu import threaded  # noqa: PLC0415
        from mpkernel.tools.detector.watcher import Watcher  # noqa: PLC0415

        threaded.load()
        from hw.machine import Machine  # noqa: PLC0415
        from mpkernel.boot.start import kernel_entry  # noqa: PLC0415  the last: no more statics

        if options.root is not None:
            from mpkernel.cli.root_disk import check_root  # noqa: PLC0415

            check_root(options.root)
    finally:
        progress.clear()
    from mpkernel.cli.findings import show_findings  # noqa: PLC0415

    def end() -> None:
        show_findings(options.findings)
        if at_end is not None:
            at_end()

    if schedule_seed is not None:
        _run_in_turns(config, schedule_seed, kernel_entry, end, racecheck=options.racecheck)
    watcher = Watcher(kills=options.on_deadlock == "kill")
    if options.profile is None:
        return Machine(config, watcher).run(kernel_entry, at_end=end)
    from mpkernel.tools.profile.files import summary, write_profile  # noqa: PLC0415
    from mpkernel.tools.profile.recorder import Recorder  # noqa: PLC0415

    with Recorder(watcher, options.profile_s) as recorder:
        status = Machine(config, recorder).run(kernel_entry, at_end=end)
        recorder.collect()
    write_profile(recorder.samples, options.profile)
    for line in summary(recorder.samples):
        sys.stderr.write(f"mpkernel: {line}\n")
    return status


def _run_in_turns(
    config: "MachineConfig",
    seed: int,
    kernel_entry: "KernelEntry",
    end: "Callable[[], None]",
    *,
    racecheck: bool,
) -> NoReturn:
    """Run the machine in this process, and end it: cores stand where they stood, none unwinds."""
    from hw.turns_machine import TurnsMachine  # noqa: PLC0415
    from mpkernel.arch.cpu import cpu, use_cpu  # noqa: PLC0415

    races = None
    if racecheck:
        from mpkernel.tools.explore.machine_races import MachineRaces  # noqa: PLC0415

        races = MachineRaces(config.cpus)
    machine = TurnsMachine(config, seed, cpu, use_cpu, races.look if races is not None else None)
    status = machine.run(kernel_entry, at_end=end)
    if races is not None:
        sys.stderr.write(f"mpkernel: racecheck reports {races.count} data races\n")
    sys.stdout.flush()
    os._exit(status)


def _disks(options: MachineOptions, progress: Progress) -> "tuple[DiskConfig, ...]":
    """Return the disks, the root first."""
    from hw.machine_config import DiskConfig  # noqa: PLC0415

    if options.root is None:
        from guests.image import root_image  # noqa: PLC0415

        root = DiskConfig(root_image(progress.say), private=True)
    else:
        root = DiskConfig(options.root, read_only=_is_read_only(options.root))
    others = (DiskConfig(path, read_only=_is_read_only(path)) for path in options.disks)
    return (root, *others)


def _is_read_only(path: Path) -> bool:
    """Whether an image may be read but not written by this user."""
    return os.access(path, os.R_OK) and not os.access(path, os.W_OK)
