"""Times that user programs pass by pointer.

State: none. Locks: none. Context: task; may sleep.
"""

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.times import NS_PER_S, TimeSpec
from mpkernel.mm.user_memory import copy_from_user, copy_to_user


async def read_timespec(address: int) -> int:
    """A struct timespec in nanoseconds.

    Raises:
        SysError: EFAULT, EINVAL.
    """
    time = TimeSpec.from_buffer_copy(await copy_from_user(address, TimeSpec.SIZE))
    if time.tv_sec < 0 or not 0 <= time.tv_nsec < NS_PER_S:
        raise SysError(Errno.EINVAL)
    return min(int(time.tv_sec), 1 << 32) * NS_PER_S + int(time.tv_nsec)


async def write_timespec(address: int, time_ns: int) -> None:
    """Store nanoseconds as a struct timespec.

    Raises:
        SysError: EFAULT.
    """
    await copy_to_user(address, bytes(TimeSpec(*divmod(time_ns, NS_PER_S))))
