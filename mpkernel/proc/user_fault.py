"""A task's own instruction failed: memory is brought in, or the task gets a signal.

The kernel goes on; one line in the log says what happened.

State: RAM, the current task. Locks: mm's. Context: task; may sleep.
"""

from typing import Final

from hw.spec.paging import FAULT_FETCH, FAULT_PRESENT, FAULT_WRITE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import (
    BUS_ADRALN,
    BUS_ADRERR,
    FPE_FLTDIV,
    FPE_FLTINV,
    FPE_FLTOVF,
    FPE_FLTRES,
    FPE_FLTUND,
    FPE_INTDIV,
    ILL_ILLOPN,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SI_KERNEL,
    TRAP_BRKPT,
    TRAP_TRACE,
    Signal,
)
from mpkernel.arch import float_state
from mpkernel.arch.context import instruction_pointer
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.fault import BusError, handle_fault
from mpkernel.proc.process import Process
from mpkernel.proc.signal import force_fault
from mpkernel.sched.task import current, name_of
from mpkernel.trace import log

#: Exception vector: its name, the signal, its si_code.
_EXCEPTIONS: Final = {
    0: ("divide error", Signal.SIGFPE, FPE_INTDIV),
    1: ("debug trap", Signal.SIGTRAP, TRAP_TRACE),
    3: ("breakpoint", Signal.SIGTRAP, TRAP_BRKPT),
    4: ("overflow", Signal.SIGSEGV, SI_KERNEL),
    5: ("bound range exceeded", Signal.SIGSEGV, SI_KERNEL),
    6: ("invalid opcode", Signal.SIGILL, ILL_ILLOPN),
    11: ("segment not present", Signal.SIGBUS, SI_KERNEL),
    12: ("stack fault", Signal.SIGBUS, SI_KERNEL),
    13: ("general protection fault", Signal.SIGSEGV, SI_KERNEL),
    16: ("x87 error", Signal.SIGFPE, FPE_FLTINV),
    17: ("alignment check", Signal.SIGBUS, BUS_ADRALN),
    19: ("SIMD error", Signal.SIGFPE, FPE_FLTINV),
}


def _report(text: str, signal: Signal) -> None:
    task = current()
    process = Process.at(task.process)
    log.warning(f"process {process.pid} ({name_of(task)}): {text}: {signal.name}")


#: si_code by exception bits of x87, the first that is set counts.
_X87_CODES: Final = (
    (0x01, FPE_FLTINV), (0x04, FPE_FLTDIV), (0x08, FPE_FLTOVF), (0x12, FPE_FLTUND),
    (0x20, FPE_FLTRES),
)  # fmt: skip
_X87_VECTOR: Final = 16


def _x87_code() -> int:
    """si_code of a pending x87 exception."""
    pending = float_state.pending_exceptions()
    return next((code for bits, code in _X87_CODES if pending & bits), FPE_FLTINV)


async def page_fault(address: int, error_code: int) -> None:
    """Bring the page in; SIGSEGV if that access is not allowed, SIGBUS if the file ends before."""
    failure = 0
    try:
        await handle_fault(AddressSpace.at(current().address_space), address, error_code)
    except BusError:
        failure = Errno.EIO
    except SysError as error:
        failure = error.errno
    if failure in (0, Errno.EINTR):  # a signal ended the wait: delivered, then the access repeats
        return
    kind = "fetch" if error_code & FAULT_FETCH else "write" if error_code & FAULT_WRITE else "read"
    where = f"{kind} of {address:#x} at rip {instruction_pointer():#x}"
    if failure == Errno.EIO:
        _report(where, Signal.SIGBUS)
        force_fault(Signal.SIGBUS, BUS_ADRERR, address)
    elif failure == Errno.ENOMEM:
        _report(f"out of memory, {where}", Signal.SIGKILL)
        force_fault(Signal.SIGKILL, SI_KERNEL, address)
    else:
        code = SEGV_ACCERR if error_code & FAULT_PRESENT else SEGV_MAPERR
        _report(where, Signal.SIGSEGV)
        force_fault(Signal.SIGSEGV, code, address)


async def exception(vector: int, error_code: int) -> None:
    """Turn another exception into its signal."""
    name, signal, code = _EXCEPTIONS.get(vector, (f"exception {vector}", Signal.SIGSEGV, SI_KERNEL))
    if vector == _X87_VECTOR:
        code = _x87_code()
    at = instruction_pointer()
    _report(f"{name} (error code {error_code:#x}) at rip {at:#x}", signal)
    address = 0 if code == SI_KERNEL else at
    force_fault(signal, code, address)


async def illegal(mnemonic: str, address: int) -> None:
    """Turn an instruction that the core does not have into SIGILL."""
    _report(f"illegal instruction {mnemonic} at rip {address:#x}", Signal.SIGILL)
    force_fault(Signal.SIGILL, ILL_ILLOPN, address)
