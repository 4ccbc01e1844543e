"""Times by pointer: read back as written, and refused when they are none."""

import struct

import pytest

from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.syscall.time_arguments import read_timespec, write_timespec
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of


@pytest.mark.parametrize("time_ns", [0, 1, 999_999_999, 10**9, 86_400 * 10**9 + 5])
def test_back_and_forth(caller: Caller, time_ns: int) -> None:
    async def body() -> None:
        await write_timespec(SCRATCH, time_ns)
        seconds, rest = struct.unpack("<qq", await copy_from_user(SCRATCH, 16))
        assert seconds * 10**9 + rest == time_ns
        assert 0 <= rest < 10**9
        assert await read_timespec(SCRATCH) == time_ns

    caller.run(body)


def test_no_times(caller: Caller) -> None:
    async def body() -> None:
        for seconds, rest in ((-1, 0), (0, -1), (0, 10**9)):
            await copy_to_user(SCRATCH, struct.pack("<qq", seconds, rest))
            assert await error_of(read_timespec(SCRATCH)) == "EINVAL"
        assert await error_of(read_timespec(64)) == "EFAULT"
        assert await error_of(write_timespec(64, 1)) == "EFAULT"
        await copy_to_user(SCRATCH, struct.pack("<qq", (1 << 63) - 1, 0))
        assert await read_timespec(SCRATCH) == (1 << 32) * 10**9

    caller.run(body)
