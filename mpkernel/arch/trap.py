"""Into user mode and back: the core runs until it stops, and the stop is given to who handles it.

    enter_user() -> Exit -> handler(exit) -> a coroutine for the scheduler to run, or None

A handler is a fresh coroutine a trap: it may sleep, and then it is the task's kernel stack.

State: the core. Locks: none may be held. Context: the border to user mode.
"""

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from hw.cpu.exits import CpuException, Exit, IllegalInstruction, Interrupt, PageFault, Syscall
from mpkernel.arch import context, interrupts, timer, tlb_shootdown, tracing
from mpkernel.arch.cpu import cpu
from mpkernel.panic import panic
from mpkernel.seam import Seam

KernelStack = Coroutine[Any, Any, None]


class TrapHandlers(Protocol):
    """What the kernel does about a trap of the current task."""

    def system_call(self) -> KernelStack:
        """The task executed SYSCALL."""

    def page_fault(self, address: int, error_code: int) -> KernelStack:
        """An access of the task found no translation, or not the right."""

    def exception(self, vector: int, error_code: int) -> KernelStack:
        """Another exception."""

    def illegal(self, mnemonic: str, address: int) -> KernelStack:
        """An instruction that the core does not have."""

    def return_to_user(self) -> KernelStack:
        """Before user mode, with Task.signal_pending set: deliver signals."""


TRAP_HANDLERS: Final[Seam[TrapHandlers]] = Seam("trap handlers")


def enter_user(space: int) -> Exit:
    """Run the current task in user mode, in the address space at ``space``, until an Exit.

    tlb_shootdown.enter_space and leave_user publish the mode around the run.
    """
    this = cpu()
    core = this.core
    assert core is not None
    area = this.area
    if this.lockdep is not None:
        this.lockdep.nothing_held("on the way to user mode")
    if area.preempt_count or area.irqs_off:
        panic("into user mode with spinlocks held or interrupts off")
    core.state.deadline_tsc = timer.deadline_tsc()
    tlb_shootdown.enter_space(space)
    left = core.run()
    tlb_shootdown.leave_user()
    return left


def handle(left: Exit) -> KernelStack | None:
    """Take the interrupt, or return the coroutine that handles the trap."""
    stack: KernelStack | None = None
    match left:
        case Syscall():
            stack = TRAP_HANDLERS.get().system_call()
        case Interrupt():
            timer.poll()
            interrupts.safepoint()
        case PageFault(address, error_code):
            tracing.record(tracing.INSTRUCTION, context.registers().rip)
            tracing.record(tracing.TRAP, address, error_code)
            stack = TRAP_HANDLERS.get().page_fault(address, error_code)
        case CpuException(vector, error_code):
            stack = TRAP_HANDLERS.get().exception(vector, error_code)
        case IllegalInstruction(mnemonic, address):
            stack = TRAP_HANDLERS.get().illegal(mnemonic, address)
        case _:
            panic(f"the core left with {left!r}")
    return stack
