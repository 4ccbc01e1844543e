"""Names: a random run of calls against the same calls in a directory of the host."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpkernel.abi.errno import SysError
from mpkernel.abi.fcntl import AT_FDCWD, AT_REMOVEDIR
from mpkernel.abi.stat import S_IFIFO, S_IFREG
from mpkernel.fs import mount
from mpkernel.fs.inode import put_inode
from mpkernel.fs.path import list_directory, resolve
from mpkernel.proc import futex, process
from mpkernel.syscall import directory
from tests.support.files import file_kernel
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes
from tests.unit.mpkernel.syscall.conftest import Caller, error_of, text

NAMES = ["a", "b", "a/c", "b/c", "a/"]
OTHER = SCRATCH + 512

CALLS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mkdir": (lambda a, _: directory.mkdir(a, 0o755), lambda a, _: os.mkdir(a, 0o755)),
    "rmdir": (lambda a, _: directory.rmdir(a), lambda a, _: os.rmdir(a)),
    "unlink": (lambda a, _: directory.unlink(a), lambda a, _: os.unlink(a)),
    "mknod": (
        lambda a, _: directory.mknod(a, S_IFREG | 0o644, 0),
        lambda a, _: os.mknod(a, S_IFREG | 0o644),
    ),
    "rename": (directory.rename, os.rename),
    "link": (directory.link, lambda a, b: os.link(a, b, follow_symlinks=False)),
}


async def tree(path: bytes) -> set[str]:
    """Paths of all directories and files below one."""
    found = set()
    inode = await resolve(path or b"/")
    entries = await list_directory(inode)
    put_inode(inode)
    for entry in entries:
        if entry.name in (b".", b"..", b"dev", b"proc", b"tmp"):
            continue
        below = path + b"/" + entry.name
        found.add(below.decode())
        inode = await resolve(below)
        if inode.is_directory:
            found |= await tree(below)
        put_inode(inode)
    return found


def on_host(call: Callable[..., Any], one: str, other: str) -> int:
    try:
        call(one, other)
    except OSError as error:
        return error.errno or -1
    return 0


steps = st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from(NAMES), st.sampled_from(NAMES))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(steps, min_size=1, max_size=25))
def test_as_on_the_host(
    tmp_path_factory: pytest.TempPathFactory, run: list[tuple[str, str, str]]
) -> None:
    host = tmp_path_factory.mktemp("names")

    async def body() -> None:
        for name, one, other in run:
            here, there = CALLS[name]
            expected = on_host(there, f"{host}/{one}", f"{host}/{other}")
            at, to = await text(b"/" + one.encode()), await text(b"/" + other.encode(), OTHER)
            found = 0
            try:
                await here(at, to)
            except SysError as error:
                found = error.errno
            assert (name, one, other, found) == (name, one, other, expected)
        below = {f"/{path.relative_to(host)}" for path in host.rglob("*")}
        assert await tree(b"") == below

    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        process.init()
        futex.init()
        processes = Processes(kernel)
        processes.run(processes.make(), body)


def test_refused(caller: Caller) -> None:
    async def body() -> None:
        at = await text(b"/x")
        assert await error_of(directory.mknod(at, S_IFIFO | 0o600, 0)) == "EPERM"
        assert await error_of(directory.unlinkat(AT_FDCWD, at, 1)) == "EINVAL"
        assert await error_of(directory.unlinkat(AT_FDCWD, at, AT_REMOVEDIR)) == "ENOENT"
        assert await error_of(directory.renameat2(AT_FDCWD, at, AT_FDCWD, at, 1)) == "EINVAL"
        assert await error_of(directory.symlink(await text(b""), at)) == "ENOENT"
        assert await error_of(directory.mkdir(64, 0o755)) == "EFAULT"
        assert await error_of(directory.mkdirat(9, await text(b"y"), 0o755)) == "EBADF"

    caller.run(body)
