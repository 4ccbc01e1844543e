"""A system call, from its number and arguments to the handler, and the result back.

State: the current task's registers. Locks: none. Context: task; may sleep.
"""

import ctypes
from typing import Final

from mpkernel.abi.errno import Errno, Interrupted, SysError
from mpkernel.arch import system_call as registers
from mpkernel.sched.task import current
from mpkernel.syscall.table import TABLE
from mpkernel.trace import events, log

_I32: Final = ctypes.c_int32
_I64: Final = ctypes.c_int64


def _arguments(letters: str) -> list[int]:
    """Arguments as the call's letters say: i int32, l int64, u uint64."""
    found = []
    for letter, word in zip(letters, registers.arguments(), strict=False):
        value = word
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
    number = registers.number()
    call = TABLE.get(number)
    events.record(events.SYSTEM_CALL, number, current().tid)
    if call is None:
        log.debug(f"system call {number} is absent")
        registers.set_result(-Errno.ENOSYS)
        return
    try:
        arguments = _arguments(call.letters) if call.letters else ()
        result = await call.handler(*arguments)
    except Interrupted:
        task = current()
        task.restart, task.restart_number = call.restart, number
        task.signal_pending = 1
        result = -Errno.EINTR
    except SysError as error:
        result = -error.errno
    registers.set_result(result)
