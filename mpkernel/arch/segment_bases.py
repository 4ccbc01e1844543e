"""Bases of FS and GS, by which programs find the data of their threads.

State: the core's register file. Locks: none; the task's own CPU. Context: task.
"""

from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch.context import registers
from mpkernel.arch.page_table import USER_END

# Codes of arch_prctl (Linux, asm/prctl.h).
ARCH_SET_GS: Final = 0x1001
ARCH_SET_FS: Final = 0x1002
ARCH_GET_FS: Final = 0x1003
ARCH_GET_GS: Final = 0x1004

_NAME_TO_GET: Final = {ARCH_GET_FS: "fs_base", ARCH_GET_GS: "gs_base"}
_NAME_TO_SET: Final = {ARCH_SET_FS: "fs_base", ARCH_SET_GS: "gs_base"}


def get(code: int) -> int:
    """The base that a code of arch_prctl asks for.

    Raises:
        SysError: EINVAL, it asks for none.
    """
    if code not in _NAME_TO_GET:
        raise SysError(Errno.EINVAL)
    base: int = getattr(registers(), _NAME_TO_GET[code])
    return base


def put(code: int, address: int) -> None:
    """Set the base that a code of arch_prctl names.

    Raises:
        SysError: EINVAL, it names none; EPERM, the address is not the user's.
    """
    if code not in _NAME_TO_SET:
        raise SysError(Errno.EINVAL)
    if address >= USER_END:
        raise SysError(Errno.EPERM)
    setattr(registers(), _NAME_TO_SET[code], address)
