"""Descriptors: lowest first, copies, close on exec, limits; files closed exactly once."""

from collections.abc import Iterator

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs import mount
from mpkernel.fs.file import FILES, File, new_pipe_files, put_file
from mpkernel.fs.pipe import PIPES, Pipe
from mpkernel.proc import fd_table
from mpkernel.proc.fd_table import FdTable
from tests.support.files import file_kernel
from tests.support.kernel_cpu import KernelCpu


@pytest.fixture
def kernel() -> Iterator[KernelCpu]:
    with file_kernel() as cpu:
        cpu.run_one(mount.mount_all(""))
        yield cpu


@pytest.fixture
def table(kernel: KernelCpu) -> Iterator[FdTable]:
    made = fd_table.create()
    yield made
    kernel.run_one(fd_table.put(made))
    assert FILES.in_use == PIPES.in_use == 0


def pair(table: FdTable) -> tuple[int, int]:
    reader, writer = new_pipe_files(0)
    return fd_table.install(table, reader), fd_table.install(table, writer)


def errno_of(call: object, *arguments: object, **options: object) -> int:
    try:
        call(*arguments, **options)  # type: ignore[operator]
    except SysError as error:
        return error.errno
    return 0


def test_lowest_free_number(table: FdTable) -> None:
    assert pair(table) == (0, 1)
    assert pair(table) == (2, 3)
    fd_table.close(table, 1)
    fd_table.close(table, 2)
    assert pair(table) == (1, 2)
    reader, writer = new_pipe_files(0)
    assert fd_table.install(table, reader, 600) == 600
    assert fd_table.install(table, writer, 600) == 601
    assert fd_table.open_fds(table) == [0, 1, 2, 3, 600, 601]


def test_bad_numbers(table: FdTable) -> None:
    pair(table)
    for fd in (-1, 2, 511, 512, 1023, 1024, 1 << 40):
        assert errno_of(fd_table.get, table, fd) == Errno.EBADF
        assert errno_of(fd_table.close, table, fd) == Errno.EBADF
    file = fd_table.get(table, 0)
    assert errno_of(fd_table.replace, table, file, 1024) == Errno.EBADF
    assert errno_of(fd_table.install, table, file, 1024) == Errno.EINVAL
    put_file(file)


def test_full(table: FdTable) -> None:
    pair(table)
    file = fd_table.get(table, 0)
    for fd in range(2, fd_table.MAX_FILES):
        file.references.get()
        assert fd_table.install(table, file, fd) == fd
    assert errno_of(fd_table.install, table, file) == Errno.EMFILE
    put_file(file)


def test_replace_closes_what_was_there(table: FdTable) -> None:
    reader, writer = pair(table)
    other, _ = pair(table)
    fd_table.replace(table, fd_table.get(table, other), reader)
    held: File = fd_table.get(table, writer)
    assert not Pipe.at(held.pipe).readers
    put_file(held)


def test_a_copy_is_its_own(kernel: KernelCpu, table: FdTable) -> None:
    reader, writer = pair(table)
    fd_table.set_close_on_exec(table, writer, cloexec=True)
    copy = fd_table.copy(table)
    assert fd_table.is_close_on_exec(copy, writer)
    fd_table.close(table, reader)
    assert fd_table.open_fds(copy) == [reader, writer]
    fd_table.close_on_exec(copy)
    assert fd_table.open_fds(copy) == [reader]
    assert fd_table.open_fds(table) == [writer]
    kernel.run_one(fd_table.put(copy))
