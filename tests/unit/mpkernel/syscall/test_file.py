"""Moving bytes: sizes, vectors, offsets, listings and sendfile; what fails halfway."""

import struct

from mpkernel.abi.fcntl import O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR
from mpkernel.abi.signal import SIG_IGN, Signal
from mpkernel.abi.stat import DIRENT_NAME
from mpkernel.mm.user_memory import copy_from_user, copy_to_user, get_u64, put_u64
from mpkernel.proc.signal import action_of
from mpkernel.syscall import descriptor, directory, file, path
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller, error_of, text

BUFFER = SCRATCH + 4096
END = SCRATCH + 4 * 4096  #: first address that is not there


async def new_file(name: bytes = b"/f") -> int:
    return await path.open_(await text(name), O_CREAT | O_RDWR, 0o600)


async def vector(*parts: tuple[int, int]) -> int:
    await copy_to_user(SCRATCH, b"".join(struct.pack("<QQ", *part) for part in parts))
    return SCRATCH


def test_positions_and_offsets(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        await copy_to_user(BUFFER, b"0123456789")
        assert await file.write(fd, BUFFER, 10) == 10
        assert await file.pwrite64(fd, BUFFER, 2, 4) == 2
        assert await file.lseek(fd, 3, 0) == 3
        assert await file.read(fd, BUFFER + 100, 50) == 7
        assert await copy_from_user(BUFFER + 100, 8) == b"3016789\0"
        assert await file.pread64(fd, BUFFER + 200, 4, 8) == 2
        assert await file.lseek(fd, 0, 1) == 10
        assert await file.ftruncate(fd, 4) == 0
        assert await file.pread64(fd, BUFFER, 9, 0) == 4
        assert await error_of(file.pread64(fd, BUFFER, 1, -1)) == "EINVAL"
        assert await error_of(file.pwrite64(fd, BUFFER, 1, -1)) == "EINVAL"
        assert await error_of(file.read(fd, BUFFER, -1)) == "EINVAL"
        assert await error_of(file.lseek(fd, -1, 0)) == "EINVAL"

    caller.run(body)


def test_a_buffer_that_ends(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        assert await error_of(file.write(fd, END, 1)) == "EFAULT"
        assert await error_of(file.write(fd, END - 4, 8)) == "EFAULT"
        await copy_to_user(BUFFER, b"abcd")
        await file.write(fd, BUFFER, 4)
        assert await error_of(file.pread64(fd, END, 1, 0)) == "EFAULT"
        half = await vector((BUFFER + 8, 2), (END, 2))
        await file.lseek(fd, 0, 0)
        assert await file.readv(fd, half, 2) == 2
        assert await copy_from_user(BUFFER + 8, 2) == b"ab"

    caller.run(body)


def test_vectors(caller: Caller) -> None:
    async def body() -> None:
        fd = await new_file()
        await copy_to_user(BUFFER, b"hello world")
        parts = await vector((BUFFER + 6, 5), (BUFFER + 5, 1), (BUFFER, 0), (BUFFER, 5))
        assert await file.writev(fd, parts, 4) == 11
        assert await file.pread64(fd, BUFFER + 50, 20, 0) == 11
        assert await copy_from_user(BUFFER + 50, 11) == b"world hello"
        await file.lseek(fd, 0, 0)
        parts = await vector((BUFFER + 104, 4), (BUFFER + 100, 4), (BUFFER + 108, 9))
        assert await file.readv(fd, parts, 3) == 11
        assert await copy_from_user(BUFFER + 100, 11) == b"d heworlllo"
        assert await error_of(file.writev(fd, parts, -1)) == "EINVAL"
        assert await error_of(file.writev(fd, parts, 1025)) == "EINVAL"
        assert await error_of(file.readv(fd, await vector((BUFFER, 1 << 63)), 1)) == "EINVAL"

    caller.run(body)


def test_nobody_reads_the_pipe(caller: Caller) -> None:
    action_of(caller.me, Signal.SIGPIPE).handler = SIG_IGN

    async def body() -> None:
        await descriptor.pipe_(SCRATCH)
        assert await error_of(file.fsync(0)) == "EINVAL"
        assert await error_of(file.lseek(0, 0, 0)) == "ESPIPE"
        assert await error_of(file.write(0, SCRATCH, 1)) == "EBADF"
        await descriptor.close(0)
        assert await error_of(file.write(1, SCRATCH, 1)) == "EPIPE"

    caller.run(body)


def test_a_listing_in_pieces(caller: Caller) -> None:
    async def body() -> list[bytes]:
        await directory.mkdir(await text(b"/d"), 0o755)
        for number in range(20):
            await descriptor.close(await new_file(b"/d/" + b"n" * number + b"x"))
        fd = await path.open_(await text(b"/d"), O_RDONLY | O_DIRECTORY, 0)
        assert await error_of(file.getdents64(fd, BUFFER, 20)) == "EINVAL"
        names = []
        while size := await file.getdents64(fd, BUFFER, 100):
            data = await copy_from_user(BUFFER, size)
            assert size <= 100
            while data:
                length = int.from_bytes(data[16:18], "little")
                names.append(data[DIRENT_NAME:length].split(b"\0")[0])
                data = data[length:]
        assert await error_of(file.getdents64(await new_file(), BUFFER, 99)) == "ENOTDIR"
        return names

    assert sorted(caller.run(body)) == sorted(
        [b".", b"..", *[b"n" * number + b"x" for number in range(20)]]
    )


def test_sendfile(caller: Caller) -> None:
    async def body() -> None:
        source, target = await new_file(b"/s"), await new_file(b"/t")
        await copy_to_user(BUFFER, b"0123456789")
        await file.write(source, BUFFER, 10)
        await put_u64(SCRATCH, 2)
        assert await file.sendfile(target, source, SCRATCH, 5) == 5
        assert await get_u64(SCRATCH) == 7
        assert await file.lseek(source, 0, 1) == 10
        await file.lseek(source, 8, 0)
        assert await file.sendfile(target, source, 0, 100) == 2
        assert await file.pread64(target, BUFFER + 100, 100, 0) == 7
        assert await copy_from_user(BUFFER + 100, 7) == b"2345689"

    caller.run(body)
