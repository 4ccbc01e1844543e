"""A system call, from the registers to the handler and back.

    rax = number; rdi rsi rdx r10 r8 r9 = arguments; rax = result or -errno

State: the current task's registers. Locks: none. Context: task; may sleep.
"""

import ctypes
from typing import Final

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import context
from mpkernel.sched.task import current
from mpkernel.syscall.table import TABLE
from mpkernel.trace import events, log

_MASK: Final = (1 << 64) - 1
_I32: Final = ctypes.c_int32
_I64: Final = ctypes.c_int64


def _arguments(state: object, letters: str) -> list[int]:
    """Argument registers as the call's letters say: i int32, l int64, u uint64."""
    found = []
    for letter, name in zip(letters, ("rdi", "rsi", "rdx", "r10", "r8", "r9"), strict=False):
        value: int = getattr(state, name)
        if letter == "i":
            value = _I32(value).value
        elif letter == "l":
            value = _I64(value).value
        found.append(value)
    return found


async def system_call() -> None:
    """Do what the current task asks for.

    A call cut short by a signal leaves -EINTR, and in Task.restart whether it is to be begun
    again; who delivers the signal decides.

    Raises:
        TaskExit: the task ended.
    """
    state = context.registers()
    number = state.rax & 0xFFFF_FFFF
    call = TABLE.get(number)
    events.record(events.SYSTEM_CALL, number, current().tid)
    if call is None:
        log.debug(f"system call {number} is absent")
        state.rax = -Errno.ENOSYS & _MASK
        return
    try:
        arguments = _arguments(state, call.letters) if call.letters else ()
        result = await call.handler(*arguments)
    except Interrupted:
        task = current()
        task.restart, task.restart_number = call.restart, number
        task.signal_pending = 1
        result = -Errno.EINTR
    except SysError as error:
        result = -error.errno
    context.registers().rax = result & _MASK
