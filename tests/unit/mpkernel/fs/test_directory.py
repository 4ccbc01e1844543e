"""Changes of directories: errors by POSIX, links counted, a property test against a host folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.stat import S_IFDIR, S_IFREG
from mpkernel.fs import directory as directories
from mpkernel.fs import mount
from mpkernel.fs.inode import INODES, Inode, put_inode
from mpkernel.fs.names import NAMES
from mpkernel.fs.path import list_directory, resolve, resolve_parent
from tests.support.files import file_kernel
from tests.support.kernel_cpu import KernelCpu


async def change(operation: str, *paths: bytes) -> int:
    """Do an operation as the system call would; its errno."""
    held: list[Inode] = []
    try:
        parents = []
        for path in paths:
            parent, name = await resolve_parent(path)
            held.append(parent)
            parents.append((parent, name))
        await _do(operation, paths, parents)
    except SysError as error:
        return error.errno
    finally:
        for inode in held:
            put_inode(inode)
    return 0


async def _do(operation: str, paths: tuple[bytes, ...], parents: list[tuple[Inode, bytes]]) -> None:
    parent, name = parents[0]
    if operation == "mkdir":
        put_inode(directories.create(parent, name, S_IFDIR | 0o755))
    elif operation == "create":
        put_inode(directories.create(parent, name, S_IFREG | 0o644))
    elif operation == "unlink":
        directories.unlink(parent, name)
    elif operation == "rmdir":
        directories.remove_directory(parent, name)
    elif operation == "rename":
        directories.rename(parent, name, *parents[1])
    else:
        inode = await resolve(paths[0], follow=False)
        try:
            directories.link(*parents[1], inode)
        finally:
            put_inode(inode)


@pytest.mark.parametrize(
    ("steps", "errno"),
    [
        ([("create", b"/tmp/a"), ("create", b"/tmp/a")], Errno.EEXIST),
        ([("mkdir", b"/tmp/d"), ("unlink", b"/tmp/d")], Errno.EISDIR),
        ([("create", b"/tmp/a"), ("rmdir", b"/tmp/a")], Errno.ENOTDIR),
        ([("mkdir", b"/tmp/d"), ("create", b"/tmp/d/f"), ("rmdir", b"/tmp/d")], Errno.ENOTEMPTY),
        ([("mkdir", b"/tmp/d"), ("rename", b"/tmp/d", b"/tmp/d/e")], Errno.EINVAL),
        ([("mkdir", b"/tmp/d"), ("create", b"/tmp/f"), ("rename", b"/tmp/f", b"/tmp/d")],
         Errno.EISDIR),
        ([("mkdir", b"/tmp/d"), ("create", b"/tmp/f"), ("rename", b"/tmp/d", b"/tmp/f")],
         Errno.ENOTDIR),
        ([("mkdir", b"/tmp/d"), ("link", b"/tmp/d", b"/tmp/e")], Errno.EPERM),
        ([("create", b"/tmp/f"), ("link", b"/tmp/f", b"/dev/f")], Errno.EXDEV),
        ([("create", b"/tmp/f"), ("rename", b"/tmp/f", b"/dev/f")], Errno.EXDEV),
        ([("rmdir", b"/dev")], Errno.EBUSY),
        ([("rmdir", b"/proc")], Errno.EBUSY),
        ([("create", b"/proc/x")], Errno.EROFS),
        ([("create", b"/tmp/" + b"n" * 256)], Errno.ENAMETOOLONG),
        ([("create", b"/tmp/" + b"n" * 255)], 0),
    ],
)  # fmt: skip
def test_errors(bare: KernelCpu, steps: list[tuple[str, ...]], errno: int) -> None:
    outcome = 0
    for operation, *paths in steps:
        outcome = bare.run_one(change(operation, *paths))  # type: ignore[arg-type]
    assert outcome == errno


def test_disk_directories_do_not_change(mounted: KernelCpu) -> None:
    for operation, path in (("create", b"/etc/x"), ("unlink", b"/etc/motd"), ("rmdir", b"/etc")):
        assert mounted.run_one(change(operation, path)) == Errno.EROFS


def test_nothing_can_be_made_in_a_removed_directory(bare: KernelCpu) -> None:
    async def body() -> int:
        await change("mkdir", b"/tmp/d")
        directory = await resolve(b"/tmp/d")
        await change("rmdir", b"/tmp/d")
        try:
            directories.create(directory, b"late", S_IFREG)
        except SysError as error:
            return error.errno
        finally:
            put_inode(directory)
        return 0

    assert bare.run_one(body()) == Errno.ENOENT


_PATHS = [b"a", b"b", b"a/a", b"a/b", b"b/a", b"a/a/a"]
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["mkdir", "create", "unlink", "rmdir"]), st.sampled_from(_PATHS)),
        st.tuples(st.sampled_from(["rename", "link"]), st.sampled_from(_PATHS),
                  st.sampled_from(_PATHS)),
    ),
    max_size=25,
)  # fmt: skip


def _host(base: Path, operation: str, paths: list[bytes]) -> bool:
    here = [os.path.join(os.fsencode(base), path) for path in paths]
    calls = {
        "mkdir": os.mkdir, "unlink": os.unlink, "rmdir": os.rmdir, "rename": os.rename,
        "link": os.link,
        "create": lambda path: os.close(os.open(path, os.O_CREAT | os.O_EXCL)),
    }  # fmt: skip
    try:
        calls[operation](*here)
    except OSError:
        return False
    return True


async def _listing(path: bytes) -> dict[bytes, tuple[bool, int]]:
    """Path -> (is a directory, links), for all below."""
    directory = await resolve(path)
    found = {}
    for entry in (await list_directory(directory))[2:]:
        here = path + b"/" + entry.name
        inode = await resolve(here)
        found[here] = (inode.is_directory, inode.links)
        if inode.is_directory:
            found |= await _listing(here)
        put_inode(inode)
    put_inode(directory)
    return found


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_a_tmpfs_changes_as_a_host_folder_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str | bytes, ...]]
) -> None:
    base = tmp_path_factory.mktemp("model")
    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        inodes, names = INODES.in_use, NAMES.in_use
        for operation, *paths in steps:
            ok = kernel.run_one(change(operation, *(b"/tmp/" + path for path in paths)))  # type: ignore[arg-type, operator]
            assert (ok == 0) == _host(base, operation, paths), (operation, paths)  # type: ignore[arg-type]
        expected = {}
        for path in base.rglob("*"):
            links = path.stat().st_nlink
            if path.is_dir():  # host file systems count a directory's links as they like
                links = 2 + sum(1 for below in path.iterdir() if below.is_dir())
            expected[b"/tmp/" + os.fsencode(path.relative_to(base))] = (path.is_dir(), links)
        assert kernel.run_one(_listing(b"/tmp")) == expected
        distinct = {path.stat().st_ino for path in base.rglob("*")}
        assert INODES.in_use - inodes == len(distinct)
        assert NAMES.in_use - names == len(expected)
