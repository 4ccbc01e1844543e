"""Waiting for any of several files: a change before or during the wait is never missed."""

from mpkernel.abi.fcntl import PIPE_BUF
from mpkernel.fs import file as files
from mpkernel.fs import pipe
from mpkernel.fs.file import File, new_pipe_files, put_file
from mpkernel.fs.pipe import CAPACITY, Pipe
from mpkernel.fs.poll import POLLERS, notify
from tests.support.kernel_cpu import KernelCpu


async def wait_for(*readers: File) -> list[bool]:
    await POLLERS.wait_until(lambda: any(files.is_readable(file) for file in readers))
    return [files.is_readable(file) for file in readers]


def test_a_poller_wakes_when_one_file_is_ready(bare: KernelCpu) -> None:
    async def make() -> list[tuple[File, File]]:
        return [new_pipe_files(0) for _ in range(3)]

    pipes = bare.run_one(make())

    async def write() -> None:
        notify()  # nothing changed: the poller looks and sleeps on
        await files.write(pipes[1][1], b"x")

    ready, _ = bare.run(wait_for(*(reader for reader, _ in pipes)), write())
    assert ready == [False, True, False]
    assert bare.run_one(wait_for(pipes[1][0])) == [True]
    assert POLLERS.is_empty()
    for reader, writer in pipes:
        put_file(reader)
        put_file(writer)


def test_room_and_hang_up_wake_pollers(bare: KernelCpu) -> None:
    async def body() -> tuple[File, File]:
        reader, writer = new_pipe_files(0)
        await files.write(writer, bytes(CAPACITY))
        return reader, writer

    reader, writer = bare.run_one(body())
    ring = Pipe.at(reader.pipe)

    async def wait_for_room() -> bool:
        await POLLERS.wait_until(lambda: files.is_writable(writer))
        return pipe.has_room(ring)

    async def read(size: int) -> None:
        await files.read(reader, size)

    assert bare.run(wait_for_room(), read(PIPE_BUF - 1), read(1)) == [True, None, None]

    async def close_writer() -> None:
        await files.read(reader, CAPACITY)
        put_file(writer)

    assert bare.run(wait_for(reader), close_writer())[0] == [True]
    assert not pipe.has_bytes(ring)
    put_file(reader)
