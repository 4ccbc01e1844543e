"""The kernel's entry: what each core's process calls when the board starts it.

    CPU 0: log, boot information, frames, other CPUs, first task -> run tasks for ever
    others: come online -> run tasks for ever
    first task: devices, root file system, then it becomes init

State: RAM. Context: each core's own process, interrupts off until its CPU is up.
"""

import sys
import traceback
from typing import Final

import mpkernel.boot.wiring  # noqa: F401  fills all seams, before the fork
from hw.irq.acceptance import CoreReset
from hw.spec.boot_info import (
    BOOT_MAGIC,
    MEMORY_USABLE,
    BootInfo,
    BootMemoryRange,
    BootModule,
)
from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import BOOT_INFO_BASE, KERNEL_DATA_BASE, KERNEL_DATA_SIZE
from mpkernel.arch import interrupts, ipi, memory, power
from mpkernel.arch.cpu import cpu
from mpkernel.boot.cpu_start import start_cpu
from mpkernel.boot.first_task import first_task, init_tables
from mpkernel.boot.parameters import BootParameters
from mpkernel.boot.secondary import come_online, run_secondary, start_others
from mpkernel.mm import frames
from mpkernel.panic import KernelPanic
from mpkernel.proc.process import TASKS
from mpkernel.sched.switch import run_cpu
from mpkernel.sched.task import Task, set_name
from mpkernel.sched.wakeup import start
from mpkernel.trace import log

STATUS_PANIC: Final = 70
_DATA_END: Final = memory.DATA.freeze() - DIRECT_MAP
assert _DATA_END <= KERNEL_DATA_BASE + KERNEL_DATA_SIZE


def kernel_entry(index: int) -> None:
    """Run the kernel on core ``index`` until the machine ends."""
    try:
        parameters = boot_parameters()
        if index == 0:
            _run_first(parameters)
        else:
            run_secondary(index, lockdep=parameters.lockdep == "on")
    except CoreReset:
        raise
    except (KernelPanic, Exception) as error:  # noqa: BLE001  whatever it is, the kernel is broken
        _stop(error)


def boot_parameters() -> BootParameters:
    """What the launcher tells the kernel."""
    info = BootInfo.at(BOOT_INFO_BASE)
    if info.magic != BOOT_MAGIC:
        raise KernelPanic("no boot information")
    text = memory.read(info.command_line, info.command_line_size)
    return BootParameters.decode(text.decode("utf-8", "surrogateescape"))


def _run_first(parameters: BootParameters) -> None:
    """CPU 0's way to its first task."""
    this = start_cpu(0, lockdep=parameters.lockdep == "on")
    info = BootInfo.at(BOOT_INFO_BASE)
    log.init(log.LEVELS.index(parameters.log_level))
    log.info(f"mpkernel on Python {sys.version.split()[0]}: {info.cpu_count} cores")
    frames.init(usable_ranges(info))
    log.info(f"{frames.total_count() * 4} KiB of memory, {frames.free_count() * 4} KiB free")
    come_online()
    interrupts.enable()
    start_others()
    init_tables()
    task = Task.at(TASKS.alloc())
    task.references.store(1)
    task.affinity = (1 << info.cpu_count) - 1
    task.in_kernel = 1
    set_name(task, "init")
    this.coroutines[task.phys] = first_task(parameters, boot_modules(info))
    start(task, 0)
    run_cpu()


def usable_ranges(info: BootInfo) -> list[tuple[int, int]]:
    """RAM that the kernel may hand out: what firmware calls usable, above its own data."""
    ranges = []
    for number in range(info.memory_range_count):
        piece = BootMemoryRange.at(info.memory_ranges + number * BootMemoryRange.SIZE)
        begin = max(piece.start, KERNEL_DATA_BASE + KERNEL_DATA_SIZE)
        if piece.kind == MEMORY_USABLE and begin < piece.end:
            ranges.append((begin, piece.end))
    return ranges


def boot_modules(info: BootInfo) -> list[tuple[str, int, int]]:
    """Name, physical address and size of each boot module."""
    modules = []
    for number in range(info.module_count):
        module = BootModule.at(info.modules + number * BootModule.SIZE)
        name = memory.read(module.name, module.name_size).decode("utf-8", "surrogateescape")
        modules.append((name, module.start, module.size))
    return modules


def _stop(error: BaseException) -> None:
    """Panic: say what happened on this CPU, stop the others, end the machine."""
    kind = "panic" if isinstance(error, KernelPanic) else type(error).__name__
    lines = [f"mpkernel: CPU {cpu().index}: {kind}: {error}"]
    if isinstance(error, KernelPanic):
        lines += [frame.rstrip() for frame in traceback.format_tb(error.__traceback__)[-4:]]
    else:
        lines += [line.rstrip() for line in traceback.format_exception(error)]
    watch = cpu().lockdep
    if watch is not None and watch.held_names():
        lines.append(f"  locks held: {', '.join(watch.held_names())}")
    for index, coroutine in enumerate(cpu().coroutines.values()):
        lines.append(f"  asleep {index}: {coroutine!r}"[:120])
    power.debug_write(("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    ipi.send_stop_to_others()
    power.power_off(STATUS_PANIC)
    power.halt_forever()
