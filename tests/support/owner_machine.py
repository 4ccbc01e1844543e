"""A machine whose tasks lose the core each millisecond; its kernel asks whose registers it has.

    python -m tests.support.owner_machine [--forget] CPUS PROGRAM CASE ROUNDS

The tasks of tests/differential/tasks.c write their names into r15. At each entry into the kernel
the name must be the one that the current task had before, and no other task's; else the kernel
panics. At the end a line tells how many entries were checked. With ``--forget`` a switch leaves r15
as it is, so that the check has something to find.

Context: a process of its own, without threads.
"""

import sys
from pathlib import Path
from typing import Any

from hw.cpu.exits import Exit
from hw.machine_config import ModuleConfig, PortConfig
from hw.spec.layout import Layout, layout
from mpkernel.arch import context, trap
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.memory import static
from mpkernel.boot.parameters import BootParameters, FileModule
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.panic import panic
from mpkernel.sched import tick

#: Names are this and a number below 2 to the 16.
NAMES = 0xACE
TICK_NS = 1_000_000
PATH = "/run/tasks"


@layout()
class State(Layout):
    """What all CPUs count."""

    checked: AtomicU64


STATE = static(State)
#: Task -> its name, as this CPU has seen them.
Names = dict[int, int]


def check_owner(names: Names) -> None:
    """Compare the name in r15 with what this CPU knows; note it if it is new."""
    found = context.registers().r15
    if found >> 16 != NAMES:
        return
    task = cpu().area.current
    if names.setdefault(task, found) != found:
        panic(f"task {task:#x} came with the registers of {found:#x}")
    if sum(name == found for name in names.values()) > 1:
        panic(f"two tasks have the registers of {found:#x}")
    STATE.checked.add(1)


def install(*, forget: bool) -> None:
    """Check at each entry, tick fast; ``forget``: spoil the switch."""
    names: Names = {}
    handle, load = trap.handle, context.load

    def checked_handle(left: Exit) -> Any:
        check_owner(names)
        return handle(left)

    def spoiled_load(save_area: int) -> None:
        state = context.registers()
        before = state.r15
        load(save_area)
        if before >> 16 == NAMES == state.r15 >> 16:
            state.r15 = before

    trap.handle = checked_handle
    tick.TICK_NS, tick.SLICE_TICKS = TICK_NS, 1  # type: ignore[misc]
    if forget:
        context.load = spoiled_load


def main() -> int:
    """Boot and run the program."""
    words = sys.argv[1:]
    forget = words[0] == "--forget"
    cpus, program, *arguments = words[forget:]
    install(forget=forget)
    options = MachineOptions(
        cpus=int(cpus), ram_bytes=128 << 20, root=None, disks=(), numa_nodes=1, apic_ids=(),
        regions="on", timeout_s=60, trace=None, log_level="warning", lockdep="on", findings=None,
    )  # fmt: skip
    parameters = BootParameters(init=PATH, init_args=tuple(arguments), stdio="ports")
    ports = (
        PortConfig("stdin", input_fd=0),
        PortConfig("stdout", output_fd=1),
        PortConfig("stderr", output_fd=2),
    )
    module = ModuleConfig(FileModule(PATH, 0o755).encode(), Path(program).read_bytes())

    def tell() -> None:
        sys.stderr.write(f"{STATE.checked.value} entries checked\n")

    return run_machine(options, parameters, ports=ports, modules=[module], at_end=tell)


if __name__ == "__main__":
    sys.exit(main())
