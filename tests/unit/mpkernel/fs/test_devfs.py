"""/dev: the names and numbers that Linux gives its devices."""

import os
import stat

from mpkernel.abi.stat import S_IFBLK, S_IFCHR, device_number
from mpkernel.fs.char_device import CHAR_DEVICES
from mpkernel.fs.devfs import NODES
from mpkernel.fs.inode import put_inode
from mpkernel.fs.path import list_directory, resolve
from tests.support.kernel_cpu import KernelCpu


def names(kernel: KernelCpu) -> set[bytes]:
    async def body() -> set[bytes]:
        root = await resolve(b"/dev")
        entries = await list_directory(root)
        put_inode(root)
        return {entry.name for entry in entries} - {b".", b".."}

    found: set[bytes] = kernel.run_one(body())
    return found


def test_a_node_for_each_device_that_is_driven(bare: KernelCpu):
    driven = {node.name for node in NODES if node.device_id in CHAR_DEVICES}
    assert {b"null", b"zero"} <= driven < {node.name for node in NODES}
    assert names(bare) == driven


def test_a_node_for_each_disk(mounted: KernelCpu):
    assert b"vda" in names(mounted)

    async def body() -> tuple[int, int, int]:
        inode = await resolve(b"/dev/vda")
        found = (inode.kind, inode.device_id, inode.device)
        put_inode(inode)
        return found

    assert mounted.run_one(body()) == (S_IFBLK, 0, device_number(254, 0))


def test_numbers_are_the_hosts(bare: KernelCpu):
    compared = 0
    for node in NODES:
        path = f"/dev/{node.name.decode()}"
        if not os.path.exists(path) or not stat.S_ISCHR(os.stat(path).st_mode):
            continue  # a container shows few devices
        number = os.stat(path).st_rdev
        if (os.major(number), os.minor(number)) == (node.major, node.minor):
            compared += 1
        else:
            assert node.name == b"console", path  # a container's is a pseudo-terminal
    assert compared >= 4


def test_a_node_is_a_character_device(bare: KernelCpu):
    async def body() -> tuple[int, int]:
        inode = await resolve(b"/dev/null")
        found = (inode.kind, inode.device)
        put_inode(inode)
        return found

    assert bare.run_one(body()) == (S_IFCHR, device_number(1, 3))
