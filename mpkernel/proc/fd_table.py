"""File descriptors of a process: small numbers for open files.

    FdTable -> pages of 512 words; word = address of a File, bit 0: close on exec; 0 is free

A descriptor holds a reference to its file. Threads share a table, fork copies it.

State: RAM (tables from the slab, pages of words from the frames). Locks: FdTable.lock, spinning;
files are put after it is released. Context: task; nothing here sleeps but ``put``, which may close.
"""

import ctypes
from collections.abc import Iterator
from typing import Annotated, Any, Final

from hw.spec.address import PAGE_SIZE
from hw.spec.layout import Layout, guarded_by, layout, u32
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.fs.file import File, get_file, put_file
from mpkernel.mm import frames, slab
from mpkernel.sync import ranks
from mpkernel.sync.refcount import Refcount
from mpkernel.sync.spinlock import Spinlock

MAX_FILES: Final = 1024
_PER_PAGE: Final = PAGE_SIZE // 8
_CLOSE_ON_EXEC: Final = 1


@layout()
class FdTable(Layout):
    """The descriptors of one process."""

    lock: Spinlock
    references: Refcount
    limit: Annotated[u32, guarded_by("lock")]  #: no descriptor from here on
    pages: Annotated[Any, ctypes.c_uint64 * (MAX_FILES // _PER_PAGE)]  #: frames, 0 until used


FD_TABLES: Final = slab.cache("fd_table", FdTable)


def create() -> FdTable:
    """An empty table with one reference.

    Raises:
        SysError: ENOMEM.
    """
    table = FdTable.at(FD_TABLES.alloc())
    table.lock.init(ranks.FILES)
    table.references.store(1)
    table.limit = MAX_FILES
    return table


def share(table: FdTable) -> FdTable:
    """One more user of the same table (CLONE_FILES)."""
    table.references.get()
    return table


def copy(table: FdTable) -> FdTable:
    """A table of its own with the same files (fork).

    Raises:
        SysError: ENOMEM.
    """
    new = create()
    with table.lock:
        new.limit = table.limit
        for index, page in enumerate(table.pages):
            if not page:
                continue
            try:
                new.pages[index] = frames.alloc_frame()
            except SysError:
                _free(new)
                raise
            memory.copy(new.pages[index], page, PAGE_SIZE)
            for word in memory.words(page, _PER_PAGE):
                if word:
                    get_file(File.at(word & ~_CLOSE_ON_EXEC))
    return new


async def put(table: FdTable) -> None:
    """One user less; the last closes all files."""
    if table.references.put():
        _free(table)


def _free(table: FdTable) -> None:
    """Close all files and free the table."""
    for page in table.pages:
        if page:
            for word in memory.words(page, _PER_PAGE):
                if word:
                    put_file(File.at(word & ~_CLOSE_ON_EXEC))
            frames.free_frame(page)
    FD_TABLES.free(table.phys)


def get(table: FdTable, fd: int) -> File:
    """The file of a descriptor, with a reference for the caller (``put_file``).

    Raises:
        SysError: EBADF.
    """
    with table.lock:
        return get_file(File.at(_word_locked(table, fd) & ~_CLOSE_ON_EXEC))


def install(table: FdTable, file: File, lowest: int = 0, *, cloexec: bool = False) -> int:
    """Give ``file`` the lowest free descriptor from ``lowest`` on; takes its reference over.

    Raises:
        SysError: EMFILE, EINVAL, ENOMEM; the reference stays with the caller.
    """
    with table.lock:
        if not 0 <= lowest < table.limit:
            raise SysError(Errno.EINVAL)
        for fd in range(lowest, table.limit):
            words = _page_locked(table, fd)
            if not words[fd % _PER_PAGE]:
                words[fd % _PER_PAGE] = file.phys | (_CLOSE_ON_EXEC if cloexec else 0)
                return fd
    raise SysError(Errno.EMFILE)


def replace(table: FdTable, file: File, fd: int, *, cloexec: bool = False) -> None:
    """Give ``file`` the descriptor ``fd``, closing what had it; takes its reference over (dup2).

    Raises:
        SysError: EBADF, out of range; ENOMEM; the reference stays with the caller.
    """
    with table.lock:
        if not 0 <= fd < table.limit:
            raise SysError(Errno.EBADF)
        words = _page_locked(table, fd)
        old = words[fd % _PER_PAGE]
        words[fd % _PER_PAGE] = file.phys | (_CLOSE_ON_EXEC if cloexec else 0)
    if old:
        put_file(File.at(old & ~_CLOSE_ON_EXEC))


def close(table: FdTable, fd: int) -> None:
    """Free a descriptor.

    Raises:
        SysError: EBADF.
    """
    with table.lock:
        word = _word_locked(table, fd)
        _page_locked(table, fd)[fd % _PER_PAGE] = 0
    put_file(File.at(word & ~_CLOSE_ON_EXEC))


def is_close_on_exec(table: FdTable, fd: int) -> bool:
    """Whether exec closes the descriptor.

    Raises:
        SysError: EBADF.
    """
    with table.lock:
        return bool(_word_locked(table, fd) & _CLOSE_ON_EXEC)


def set_close_on_exec(table: FdTable, fd: int, *, cloexec: bool) -> None:
    """Say whether exec closes the descriptor.

    Raises:
        SysError: EBADF.
    """
    with table.lock:
        word = _word_locked(table, fd) & ~_CLOSE_ON_EXEC
        _page_locked(table, fd)[fd % _PER_PAGE] = word | (_CLOSE_ON_EXEC if cloexec else 0)


def close_on_exec(table: FdTable) -> None:
    """Close what exec closes. The caller is the table's only user."""
    with table.lock:
        doomed = [fd for fd, word in _used_locked(table) if word & _CLOSE_ON_EXEC]
    for fd in doomed:
        close(table, fd)


def open_fds(table: FdTable) -> list[int]:
    """All descriptors in use, ascending."""
    with table.lock:
        return [fd for fd, _ in _used_locked(table)]


def _used_locked(table: FdTable) -> Iterator[tuple[int, int]]:
    for index, page in enumerate(table.pages):
        if page:
            for offset, word in enumerate(memory.words(page, _PER_PAGE)):
                if word:
                    yield index * _PER_PAGE + offset, word


def _word_locked(table: FdTable, fd: int) -> int:
    """The word of a descriptor in use; EBADF if it is free."""
    if not 0 <= fd < MAX_FILES or not table.pages[fd // _PER_PAGE]:
        raise SysError(Errno.EBADF)
    word = memory.words(table.pages[fd // _PER_PAGE], _PER_PAGE)[fd % _PER_PAGE]
    if not word:
        raise SysError(Errno.EBADF)
    return word


def _page_locked(table: FdTable, fd: int) -> memoryview:
    """The words around ``fd``, made if there are none yet."""
    page = table.pages[fd // _PER_PAGE]
    if not page:
        page = table.pages[fd // _PER_PAGE] = frames.alloc_zeroed_frame()
    return memory.words(page, _PER_PAGE)
