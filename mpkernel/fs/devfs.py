"""/dev: a name for each character device that is driven, and for each disk.

State: RAM (inodes of a tmpfs). Locks: none of its own. Context: task, at mount time.
"""

from typing import Final, NamedTuple

from mpkernel.abi.stat import S_IFCHR, device_number
from mpkernel.block import device as block_device
from mpkernel.fs import names
from mpkernel.fs.block_file import new_block_inode
from mpkernel.fs.char_device import (
    CHAR_CONSOLE,
    CHAR_DEBUG,
    CHAR_DEVICES,
    CHAR_FULL,
    CHAR_NULL,
    CHAR_RANDOM,
    CHAR_STDERR,
    CHAR_STDIN,
    CHAR_STDOUT,
    CHAR_ZERO,
)
from mpkernel.fs.directory import create
from mpkernel.fs.inode import Inode, put_inode


class Node(NamedTuple):
    """A character device's name and numbers (Linux, admin-guide/devices.txt)."""

    name: bytes
    device_id: int
    major: int
    minor: int
    mode: int


NODES: Final = (
    Node(b"console", CHAR_CONSOLE, 5, 1, 0o620),
    Node(b"tty", CHAR_CONSOLE, 5, 0, 0o666),
    Node(b"null", CHAR_NULL, 1, 3, 0o666),
    Node(b"zero", CHAR_ZERO, 1, 5, 0o666),
    Node(b"full", CHAR_FULL, 1, 7, 0o666),
    Node(b"random", CHAR_RANDOM, 1, 8, 0o666),
    Node(b"urandom", CHAR_RANDOM, 1, 9, 0o666),
    Node(b"port-stdin", CHAR_STDIN, 229, 1, 0o600),
    Node(b"port-stdout", CHAR_STDOUT, 229, 2, 0o600),
    Node(b"port-stderr", CHAR_STDERR, 229, 3, 0o600),
    Node(b"debug", CHAR_DEBUG, 229, 4, 0o600),
)


def populate(root: Inode) -> None:
    """Fill a fresh devfs.

    Raises:
        SysError: ENOMEM.
    """
    for node in NODES:
        if node.device_id in CHAR_DEVICES:
            number = device_number(node.major, node.minor)
            mode = S_IFCHR | node.mode
            put_inode(create(root, node.name, mode, device=number, device_id=node.device_id))
    for index in range(block_device.count()):
        inode = new_block_inode(index)
        names.add(root, block_device.name_of(block_device.by_index(index)).encode(), inode)
        put_inode(inode)
