"""Pages of ext2 files: neighbours by one request, holes and the rest of the last page zero."""

from pathlib import Path

import pytest

from hw.spec.address import PAGE_SIZE
from mpkernel.arch import memory
from mpkernel.fs.ext2.page_source import Ext2Source
from mpkernel.fs.inode import Inode, put_inode
from mpkernel.fs.mount import mount_all
from mpkernel.fs.path import resolve
from mpkernel.mm import frames
from mpkernel.tools.mkfs import make_image
from tests.support.files import DRIVER, file_kernel


@pytest.fixture(params=[1024, 2048, 4096])
def files(request: pytest.FixtureRequest, tmp_path: Path):
    """A kernel CPU, the tree that it mounted, and the size of blocks."""
    tree = tmp_path / "tree"
    (tree / "dev").mkdir(parents=True)
    (tree / "dense").write_bytes(bytes(n % 253 for n in range(3 * PAGE_SIZE + 700)))
    with (tree / "holes").open("wb") as file:
        for place in (1, 6, 7, 13):
            file.seek(place * 1024)
            file.write(bytes([place]) * 1024)
    make_image(tmp_path / "image", 4 << 20, request.param, tree)
    with file_kernel(tmp_path / "image") as kernel:
        kernel.run_one(mount_all("vda"))
        yield kernel, tree, request.param


def page(kernel, inode: Inode, index: int) -> bytes:
    """What the source makes of a frame full of something else."""
    frame = frames.alloc_frame()
    memory.write(frame, b"\xee" * PAGE_SIZE)
    kernel.run_one(Ext2Source().read_page(inode.phys, index, frame))
    data = memory.read(frame, PAGE_SIZE)
    frames.free_frame(frame)
    return data


@pytest.mark.parametrize("name", ["dense", "holes"])
def test_pages_are_the_files(files, name: str):
    kernel, tree, _ = files
    inode = kernel.run_one(resolve(b"/" + name.encode()))
    content = (tree / name).read_bytes()
    for index in range(len(content) // PAGE_SIZE + 1):
        expected = content[index * PAGE_SIZE : (index + 1) * PAGE_SIZE].ljust(PAGE_SIZE, b"\0")
        assert page(kernel, inode, index) == expected
    put_inode(inode)


def test_neighbours_on_the_disk_are_one_request(files):
    kernel, _, _ = files
    inode = kernel.run_one(resolve(b"/dense"))
    page(kernel, inode, 0)  # the blocks of metadata are in memory now
    DRIVER.sectors.clear()
    page(kernel, inode, 1)
    assert len(DRIVER.sectors) == 1
    put_inode(inode)


def test_a_mapping_holds_the_inode(files):
    kernel, _, _ = files
    inode = kernel.run_one(resolve(b"/dense"))
    before = inode.references.value
    Ext2Source().hold(inode.phys)
    assert inode.references.value == before + 1
    Ext2Source().drop(inode.phys)
    assert inode.references.value == before
    put_inode(inode)
