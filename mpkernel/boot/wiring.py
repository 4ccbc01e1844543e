"""All wiring: the code that lower layers call through seams. Importing this module does it.

It is imported before the fork, so that the seams are the same in every process.

State: none. Context: import time.
"""

from mpkernel.arch import interrupts, ipi, power, remote_call, tlb_shootdown
from mpkernel.arch.cpu import cpu
from mpkernel.arch.trap import TRAP_HANDLERS, KernelStack
from mpkernel.arch.vectors import (
    VECTOR_CALL,
    VECTOR_NMI,
    VECTOR_RESCHEDULE,
    VECTOR_STOP,
    VECTOR_TIMER,
    VECTOR_TLB_FLUSH,
    VECTOR_WATCH,
)
from mpkernel.boot import system_texts
from mpkernel.drivers import host_signals
from mpkernel.drivers import wiring as drivers
from mpkernel.drivers.virtio import port, rng
from mpkernel.drivers.virtio.stream import PortStream
from mpkernel.fs import memory_devices, poll, tty
from mpkernel.fs.block_file import SOURCE_BLOCK, BlockSource
from mpkernel.fs.char_device import (
    CHAR_CONSOLE,
    CHAR_DEVICES,
    CHAR_FULL,
    CHAR_NULL,
    CHAR_RANDOM,
    CHAR_STDERR,
    CHAR_STDIN,
    CHAR_STDOUT,
    CHAR_ZERO,
)
from mpkernel.fs.ext2.mounted import Ext2
from mpkernel.fs.ext2.page_source import Ext2Source
from mpkernel.fs.file_system import (
    FILE_SYSTEMS,
    FS_DEVFS,
    FS_EXT2,
    FS_PIPE,
    FS_PROCFS,
    FS_TMPFS,
)
from mpkernel.fs.path import WORKING_DIRECTORY
from mpkernel.fs.procfs import PROCESS_TEXTS, SYSTEM_FILES, SYSTEM_TEXTS, ProcFs
from mpkernel.fs.tmpfs import MemoryFileSystem, MemorySource
from mpkernel.irq import deferred
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.mm.page_source import (
    PAGE_SOURCES,
    SOURCE_EXT2,
    SOURCE_NONE,
    SOURCE_SHARED_MEMORY,
)
from mpkernel.mm.shared_memory import SharedMemorySource
from mpkernel.proc import exit as process_exit
from mpkernel.proc import outside_questions, signal, signal_delivery, user_fault
from mpkernel.proc.process import TREE, Process, current_process
from mpkernel.proc.process_texts import ProcessFiles
from mpkernel.sched import grace_period, tick
from mpkernel.sched.task import current
from mpkernel.sched.task_end import TASK_END
from mpkernel.sync import rcu
from mpkernel.syscall import dispatch


class UserTraps:
    """What the kernel does about the traps of user programs."""

    def system_call(self) -> KernelStack:
        """SYSCALL."""
        return dispatch.system_call()

    def page_fault(self, address: int, error_code: int) -> KernelStack:
        """Fault a page in, or SIGSEGV."""
        return user_fault.page_fault(address, error_code)

    def exception(self, vector: int, error_code: int) -> KernelStack:
        """A signal."""
        return user_fault.exception(vector, error_code)

    def illegal(self, mnemonic: str, address: int) -> KernelStack:
        """SIGILL."""
        return user_fault.illegal(mnemonic, address)

    def return_to_user(self) -> KernelStack:
        """Deliver signals."""
        return signal_delivery.return_to_user()


async def _power_off(status: int) -> None:
    """End the machine; the board first lets the consoles drain."""
    power.power_off(status)


def _reschedule() -> None:
    ipi.count_taken(VECTOR_RESCHEDULE)
    cpu().area.need_resched = 1


def _flush_tlb() -> None:
    ipi.count_taken(VECTOR_TLB_FLUSH)
    tlb_shootdown.serve()


def _call() -> None:
    ipi.count_taken(VECTOR_CALL)
    remote_call.serve()


def _stop() -> None:
    """Another CPU panicked: do nothing more."""
    interrupts.disable()
    power.halt_forever()


def _working_directory() -> int:
    """Inode of the current task's working directory, 0 for the root."""
    task = current()
    return Process.at(task.process).cwd if task.process else 0


def _current_job() -> tuple[int, int]:
    """Process group and session of the current task."""
    process = current_process()
    return process.group, process.session


def _signal_group(group: int, number: int) -> None:
    signal.signal_group(group, number)


def _host_signal(number: int) -> None:
    """A signal of the host is one for the program that the machine runs, and its group."""
    if TREE.init:
        signal.signal_group(Process.at(TREE.init).group, number)


def _fill_arch() -> None:
    TRAP_HANDLERS.fill(UserTraps())
    TASK_END.fill(process_exit.task_exited)
    rcu.ENDED.fill(grace_period.ended)
    process_exit.POWER_OFF.fill(_power_off)
    KERNEL_VECTORS.add(VECTOR_TIMER, tick.timer_interrupt)
    KERNEL_VECTORS.add(VECTOR_RESCHEDULE, _reschedule)
    KERNEL_VECTORS.add(VECTOR_TLB_FLUSH, _flush_tlb)
    KERNEL_VECTORS.add(VECTOR_CALL, _call)
    KERNEL_VECTORS.add(VECTOR_STOP, _stop)
    KERNEL_VECTORS.add(VECTOR_NMI, _stop)
    KERNEL_VECTORS.add(VECTOR_WATCH, outside_questions.asked)
    deferred.WORK.add(deferred.WORK_WATCH, outside_questions.answer)


def _fill_files() -> None:
    PAGE_SOURCES.add(SOURCE_NONE, MemorySource())
    PAGE_SOURCES.add(SOURCE_EXT2, Ext2Source())
    PAGE_SOURCES.add(SOURCE_SHARED_MEMORY, SharedMemorySource())
    PAGE_SOURCES.add(SOURCE_BLOCK, BlockSource())
    FILE_SYSTEMS.add(FS_EXT2, Ext2())
    FILE_SYSTEMS.add(FS_TMPFS, MemoryFileSystem("tmpfs"))
    FILE_SYSTEMS.add(FS_DEVFS, MemoryFileSystem("devfs"))
    FILE_SYSTEMS.add(FS_PIPE, MemoryFileSystem("pipefs"))
    FILE_SYSTEMS.add(FS_PROCFS, ProcFs())
    WORKING_DIRECTORY.fill(_working_directory)
    PROCESS_TEXTS.fill(ProcessFiles())
    for place, name in enumerate(SYSTEM_FILES):
        SYSTEM_TEXTS.add(place, system_texts.TEXTS[name])


def _fill_devices() -> None:
    drivers.fill_seams()
    drivers.join_terminal(tty.CONSOLE, tty.CONSOLE_OUTPUT.fill)
    tty.SIGNAL_GROUP.fill(_signal_group)
    tty.CURRENT_JOB.fill(_current_job)
    host_signals.HOST_SIGNAL.fill(_host_signal)
    memory_devices.ENTROPY.fill(rng.read)
    port.READINESS_CHANGED.fill(poll.notify)
    CHAR_DEVICES.add(CHAR_CONSOLE, tty.CONSOLE)
    CHAR_DEVICES.add(CHAR_STDIN, PortStream("stdin"))
    CHAR_DEVICES.add(CHAR_STDOUT, PortStream("stdout"))
    CHAR_DEVICES.add(CHAR_STDERR, PortStream("stderr"))
    CHAR_DEVICES.add(CHAR_NULL, memory_devices.NullDevice())
    CHAR_DEVICES.add(CHAR_ZERO, memory_devices.ZeroDevice())
    CHAR_DEVICES.add(CHAR_FULL, memory_devices.FullDevice())
    CHAR_DEVICES.add(CHAR_RANDOM, memory_devices.RandomDevice())


_fill_arch()
_fill_files()
_fill_devices()
