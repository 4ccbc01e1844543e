"""The current task's memory, as kernel code that may sleep reads and writes it.

A page that is not there is brought in as the task's own access would bring it in; an address that
the task may not touch is EFAULT.

    data = await copy_from_user(address, 16)

State: user frames. Locks: AddressSpace.lock, in faults. Context: task; may sleep, so no spinlock
and no lock of an address space may be held.
"""

from typing import Final

from hw.spec.address import PAGE_SIZE
from hw.spec.paging import FAULT_USER, FAULT_WRITE
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import user_access
from mpkernel.arch.page_table import USER_END
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.fault import handle_fault
from mpkernel.sched.task import current

_U32: Final = 0xFFFF_FFFF
_U64: Final = 0xFFFF_FFFF_FFFF_FFFF


async def copy_from_user(address: int, size: int) -> bytes:
    """Bytes of user memory.

    Raises:
        SysError: EFAULT, ENOMEM, EIO.
    """
    return await copy_from_space(_space(address, size), address, size) if size else b""


async def copy_to_user(address: int, data: bytes) -> None:
    """Write user memory.

    Raises:
        SysError: EFAULT, ENOMEM, EIO; bytes before the page that failed are written.
    """
    if data:
        await copy_to_space(_space(address, len(data)), address, data)


async def copy_from_space(space: AddressSpace, address: int, size: int) -> bytes:
    """As copy_from_user, from a space that the caller holds."""
    data = user_access.copy_in(space.phys, address, size)
    while len(data) < size:
        here = address + len(data)
        await handle_fault(space, here, FAULT_USER)
        data += user_access.copy_in(space.phys, here, size - len(data))
    return data


async def copy_to_space(space: AddressSpace, address: int, data: bytes) -> None:
    """As copy_to_user, to a space that the caller holds."""
    data = bytes(data)
    done = user_access.copy_out(space.phys, address, data)
    while done < len(data):
        await handle_fault(space, address + done, FAULT_USER | FAULT_WRITE)
        done += user_access.copy_out(space.phys, address + done, data[done:])


def copy_from_user_nofault(address: int, size: int) -> bytes:
    """What of a range is there now; shorter than ``size`` if a page is not. Never sleeps."""
    return user_access.copy_in(_space(address, size).phys, address, size) if size else b""


def copy_to_user_nofault(address: int, data: bytes) -> int:
    """Write what can be written now; returns the bytes done. Never sleeps."""
    return user_access.copy_out(_space(address, len(data)).phys, address, data) if data else 0


async def fault_in(address: int, size: int, *, is_write: bool) -> None:
    """Bring the pages of a range in, so that a nofault copy has a chance.

    Raises:
        SysError: EFAULT, ENOMEM, EIO.
    """
    if size:
        space = _space(address, size)
        error_code = FAULT_USER | (FAULT_WRITE if is_write else 0)
        for page in range(address & ~(PAGE_SIZE - 1), address + size, PAGE_SIZE):
            await handle_fault(space, page, error_code)


async def read_cstring(address: int, limit: int = 4096) -> bytes:
    """The bytes before the first NUL.

    Raises:
        SysError: ENAMETOOLONG (no NUL in ``limit`` bytes), EFAULT, ENOMEM, EIO.
    """
    pieces = []
    while limit > 0:
        size = min(limit, PAGE_SIZE - address % PAGE_SIZE, 256)
        piece = await copy_from_user(address, size)
        end = piece.find(b"\0")
        if end >= 0:
            pieces.append(piece[:end])
            return b"".join(pieces)
        pieces.append(piece)
        address += size
        limit -= size
    raise SysError(Errno.ENAMETOOLONG)


async def get_u32(address: int) -> int:
    """A 32-bit word of user memory. Raises as copy_from_user."""
    return int.from_bytes(await copy_from_user(address, 4), "little")


async def get_u64(address: int) -> int:
    """A 64-bit word of user memory. Raises as copy_from_user."""
    return int.from_bytes(await copy_from_user(address, 8), "little")


async def put_u32(address: int, value: int) -> None:
    """Store a 32-bit word, cut to its width. Raises as copy_to_user."""
    await copy_to_user(address, (value & _U32).to_bytes(4, "little"))


async def put_u64(address: int, value: int) -> None:
    """Store a 64-bit word, cut to its width. Raises as copy_to_user."""
    await copy_to_user(address, (value & _U64).to_bytes(8, "little"))


def _space(address: int, size: int) -> AddressSpace:
    """The current task's space, if the range lies in the user half."""
    space = current().address_space
    if not space or not 0 <= address <= USER_END - size:
        raise SysError(Errno.EFAULT)
    return AddressSpace.at(space)
