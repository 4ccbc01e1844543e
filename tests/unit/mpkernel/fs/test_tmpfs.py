"""Files in memory: zeros until they are written, and freed with the last reference."""

from hw.spec.address import PAGE_SIZE
from mpkernel.abi.stat import S_IFLNK, S_IFREG
from mpkernel.arch import memory
from mpkernel.fs import directory
from mpkernel.fs.file import read_inode_at
from mpkernel.fs.file_system import FS_DEVFS, FS_TMPFS, file_system_of
from mpkernel.fs.inode import INODES, put_inode
from mpkernel.fs.names import NAMES
from mpkernel.fs.path import resolve
from mpkernel.fs.tmpfs import MemorySource, new_root
from mpkernel.mm import frames, page_cache
from tests.support.kernel_cpu import KernelCpu


def test_a_root_is_an_empty_directory_of_its_own(bare: KernelCpu):
    roots = [new_root(FS_TMPFS), new_root(FS_DEVFS, mode=0o755)]
    assert [oct(root.mode) for root in roots] == ["0o41777", "0o40755"]
    assert [root.links for root in roots] == [2, 2]
    assert len({root.ino for root in roots} | {root.volume for root in roots}) == 4
    assert file_system_of(roots[0]).name == "tmpfs"
    for root in roots:
        put_inode(root)


def test_what_was_never_written_reads_as_zeros(bare: KernelCpu):
    async def body() -> bytes:
        inode = directory.create(await resolve(b"/tmp"), b"sparse", S_IFREG | 0o600)
        inode.cache.size_bytes = 3 * PAGE_SIZE
        data = await read_inode_at(inode, PAGE_SIZE - 10, PAGE_SIZE)
        put_inode(inode)
        return data

    assert bare.run_one(body()) == bytes(PAGE_SIZE)


def test_a_recycled_frame_shows_nothing_of_its_last_life(bare: KernelCpu):
    frame = frames.alloc_frame()
    memory.write(frame, b"secret" * 600)
    bare.run_one(MemorySource().read_page(0, 0, frame))
    assert memory.read(frame, PAGE_SIZE) == bytes(PAGE_SIZE)
    frames.free_frame(frame)


def test_the_last_name_frees_inode_and_pages(bare: KernelCpu):
    async def body() -> list[int]:
        tmp = await resolve(b"/tmp")
        before = [INODES.in_use, NAMES.in_use, page_cache.cached_pages()]
        for name, mode in ((b"file", S_IFREG | 0o644), (b"link", S_IFLNK | 0o777)):
            inode = directory.create(tmp, name, mode)
            inode.cache.size_bytes = 8 * PAGE_SIZE
            await read_inode_at(inode, 0, 8 * PAGE_SIZE)
            put_inode(inode)
            directory.unlink(tmp, name)
        after = [INODES.in_use, NAMES.in_use, page_cache.cached_pages()]
        put_inode(tmp)
        return [a - b for a, b in zip(after, before, strict=True)]

    assert bare.run_one(body()) == [0, 0, 0]
