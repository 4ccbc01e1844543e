"""Pipes: order, waiting, ends, atomic writes, under tasks that take turns."""

import random

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.fcntl import O_NONBLOCK, PIPE_BUF
from mpkernel.fs import file as files
from mpkernel.fs.file import FILES, File, new_pipe_files, put_file
from mpkernel.fs.pipe import CAPACITY, PIPES, Pipe
from mpkernel.mm import frames
from tests.support.kernel_cpu import KernelCpu


async def read_all(reader: File, piece: int) -> bytes:
    data = bytearray()
    while part := await files.read(reader, piece):
        data += part
    put_file(reader)
    return bytes(data)


async def write_all(writer: File, data: bytes, piece: int) -> None:
    for at in range(0, len(data), piece):
        part = data[at : at + piece]
        assert await files.write(writer, part) == len(part)
    put_file(writer)


@pytest.mark.parametrize(
    ("read_piece", "write_piece"), [(100, 70_000), (65536, 1000), (5000, 5000)]
)
def test_bytes_come_out_as_they_went_in(bare: KernelCpu, read_piece: int, write_piece: int) -> None:
    data = random.Random(2).randbytes(300_000)
    free = frames.free_count()
    reader, writer = bare.run_one(_pipe())
    got, _ = bare.run(read_all(reader, read_piece), write_all(writer, data, write_piece))
    assert got == data
    assert PIPES.in_use == FILES.in_use == 0
    assert free - frames.free_count() <= 8  # slabs stay slabs, the ring's frames come back


async def _pipe(flags: int = 0) -> tuple[File, File]:
    return new_pipe_files(flags)


def test_small_writes_are_never_torn(bare: KernelCpu) -> None:
    async def line(writer: File, letter: bytes) -> None:
        for _ in range(20):
            await files.write(writer, letter * PIPE_BUF)

    async def writers_done(writer: File, reader: File) -> bytes:
        data = bytearray()
        while len(data) < 3 * 20 * PIPE_BUF:
            data += await files.read(reader, 1000)
        put_file(writer)
        put_file(reader)
        return bytes(data)

    reader, writer = bare.run_one(_pipe())
    *_, data = bare.run(*(line(writer, letter) for letter in (b"a", b"b", b"c")),
                        writers_done(writer, reader))  # fmt: skip
    for at in range(0, len(data), PIPE_BUF):
        assert len(set(data[at : at + PIPE_BUF])) == 1


def test_ends(bare: KernelCpu) -> None:
    async def no_reader() -> None:
        reader, writer = new_pipe_files(0)
        await files.write(writer, b"x")
        put_file(reader)
        with pytest.raises(SysError) as error:
            await files.write(writer, b"y")
        assert error.value.errno == Errno.EPIPE
        put_file(writer)

    async def no_writer() -> None:
        reader, writer = new_pipe_files(0)
        await files.write(writer, b"last")
        put_file(writer)
        assert await files.read(reader, 10) == b"last"
        assert await files.read(reader, 10) == b""
        assert not Pipe.at(reader.pipe).writers
        put_file(reader)

    async def wrong_end() -> None:
        reader, writer = new_pipe_files(0)
        for attempt in (files.read(writer, 1), files.write(reader, b"x")):
            with pytest.raises(SysError) as error:
                await attempt
            assert error.value.errno == Errno.EBADF
        with pytest.raises(SysError) as error:
            await files.seek(reader, 0, 0)
        assert error.value.errno == Errno.ESPIPE
        put_file(reader)
        put_file(writer)

    for body in (no_reader(), no_writer(), wrong_end()):
        bare.run_one(body)
    assert PIPES.in_use == 0


def test_without_waiting(bare: KernelCpu) -> None:
    async def body() -> None:
        reader, writer = new_pipe_files(O_NONBLOCK)
        with pytest.raises(SysError) as error:
            await files.read(reader, 1)
        assert error.value.errno == Errno.EAGAIN
        assert not files.is_readable(reader)
        assert files.is_writable(writer)
        assert await files.write(writer, bytes(CAPACITY + 5)) == CAPACITY
        assert not files.is_writable(writer)
        with pytest.raises(SysError) as error:
            await files.write(writer, b"x")
        assert error.value.errno == Errno.EAGAIN
        await files.read(reader, PIPE_BUF - 1)
        with pytest.raises(SysError):
            await files.write(writer, bytes(PIPE_BUF))  # all or nothing
        assert await files.write(writer, bytes(PIPE_BUF + 1)) == PIPE_BUF - 1
        put_file(reader)
        put_file(writer)

    bare.run_one(body())


def test_a_writer_wakes_when_the_reader_goes(bare: KernelCpu) -> None:
    async def writer_body(writer: File) -> int:
        try:
            await files.write(writer, bytes(CAPACITY + 1))
        except SysError as error:
            return error.errno
        finally:
            put_file(writer)
        return 0

    async def reader_body(reader: File) -> None:
        put_file(reader)

    reader, writer = bare.run_one(_pipe())
    assert bare.run(writer_body(writer), reader_body(reader))[0] == Errno.EPIPE
