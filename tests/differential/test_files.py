"""System calls on files against the host's kernel: the same program makes the same calls on both.

The host works in a tmpfs where there is one (/dev/shm), the machine in its /tmp.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guests import build
from mpkernel.abi.fcntl import (
    AT_FDCWD,
    AT_REMOVEDIR,
    F_DUPFD,
    F_GETFD,
    F_GETFL,
    F_SETFD,
    F_SETFL,
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_EXCL,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_RDONLY,
    O_RDWR,
    O_TRUNC,
    O_WRONLY,
    POLLIN,
    POLLOUT,
)
from mpkernel.abi.numbers import NUMBERS

HERE = Path(__file__).parent
Script = list[str]


def line(name: str, *arguments: int | str | bytes, show: str = "-") -> str:
    """One call: ints are numbers, bytes are paths, text is an argument as the program wants it."""
    words = [f"{NUMBERS[name]} {show}"]
    for argument in arguments:
        if isinstance(argument, int):
            words.append(f"d{argument}")
        elif isinstance(argument, bytes):
            words.append(f"s{argument.hex()}")
        else:
            words.append(argument)
    return " ".join(words)


def data(content: bytes) -> str:
    return f"x{content.hex()}"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("program") / "system_calls"
    library = build.SOURCE / "lib"
    subprocess.run(
        [*build.find_compiler(), *build.COMPILE_FLAGS, "-I", library, *build.LINK_FLAGS,
         HERE / "system_calls.c", *sorted(library.glob("*.[cS]")), "-o", target], check=True,
    )  # fmt: skip
    return target


@pytest.fixture
def host_folder(tmp_path: Path) -> Iterator[Path]:
    """Where the script makes its folder on the host: a tmpfs, as /tmp is in the machine."""
    shared = Path("/dev/shm")
    name = f"mpkernel-test-{tmp_path.name}-{random.randrange(1 << 40):x}"
    folder = (shared if shared.is_dir() else tmp_path) / name
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def same(program: Path, tmp_path: Path, host_folder: Path) -> Callable[[Script], None]:
    """Run a script here and in a machine; its lines must be the same."""

    def compare(script: Script) -> None:
        path = tmp_path / "script"
        host, guest = (
            [line("mkdir", base, 0o755), line("chdir", base), *script]
            for base in (bytes(host_folder), b"/tmp/work")
        )
        path.write_text("\n".join(host) + "\n")
        expected = subprocess.run([program, path], capture_output=True, text=True, check=True)
        path.write_text("\n".join(guest) + "\n")
        command = [sys.executable, "-m", "mpkernel.cli.main", "run", "--cpus", "1", "--timeout",
                   "90", "--file", f"{path}:/run/script", program, "/run/script"]  # fmt: skip
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        assert got.returncode == 0, got.stderr
        both = zip(expected.stdout.splitlines(), got.stdout.splitlines(), strict=False)
        differences = [
            f"{script[number - 2][:100]}\n   host {want}\n   here {have}"
            for number, (want, have) in enumerate(both)
            if want != have
        ]
        assert not differences, "\n".join(differences[:8])
        assert len(got.stdout) == len(expected.stdout)

    return compare


def test_open_flags_and_errors(same: Callable[[Script], None]) -> None:
    script = [
        line("open", b"f", O_RDWR | O_CREAT | O_EXCL, 0o640), line("fstat", 3, "b144", show="s"),
        line("open", b"f", O_RDWR | O_CREAT | O_EXCL, 0o640), line("open", b"absent", O_RDONLY),
        line("write", 3, data(b"hello world"), 11), line("lseek", 3, 0, 0),
        line("read", 3, "b100", 100, show="b"), line("read", 3, "b100", 100, show="b"),
        line("pread64", 3, "b100", 5, 6, show="b"), line("pwrite64", 3, data(b"W"), 1, 6),
        line("pread64", 3, "b100", 50, 0, show="b"), line("pread64", 3, "b9", 5, -1),
        line("lseek", 3, -5, 2), line("lseek", 3, -100, 1), line("lseek", 3, 0, 99),
        line("lseek", 3, 5000, 0), line("write", 3, data(b"x"), 1),
        line("fstat", 3, "b144", show="s"), line("ftruncate", 3, 3), line("ftruncate", 3, -1),
        line("stat", b"f", "b144", show="s"), line("open", b"f", O_WRONLY | O_TRUNC),
        line("stat", b"f", "b144", show="s"), line("read", 4, "b9", 1),
        line("open", b"f/", O_RDONLY), line("open", b"f/x", O_RDONLY), line("open", b"", O_RDONLY),
        line("open", b".", O_RDWR), line("open", b".", O_RDONLY | O_DIRECTORY),
        line("open", b"f", O_RDONLY | O_DIRECTORY),
        line("open", b"new/", O_CREAT | O_WRONLY, 0o644),
        line("open", b"n" * 256, O_CREAT | O_WRONLY, 0o644), line("open", b"a/" * 2100, O_RDONLY),
        line("open", b"f", O_WRONLY | O_RDWR), line("read", 99, "b9", 1), line("close", 99),
        line("write", 5, data(b"x"), 1), line("read", 5, "b9", 9), line("lseek", 5, 0, 0),
        line("open", 0, O_RDONLY), line("open", -4096, O_RDONLY), line("lseek", 3, 0, 0),
        line("read", 3, 16, 1),
        line("write", 3, 16, 1), line("fstat", 3, 16),
        line("open", b"ap", O_CREAT | O_WRONLY | O_APPEND, 0o600),
        line("write", 6, data(b"one"), 3), line("lseek", 6, 0, 0),
        line("write", 6, data(b"two"), 3),
        line("pwrite64", 6, data(b"three"), 5, 0), line("stat", b"ap", "b144", show="s"),
        line("access", b"ap", 0), line("access", b"ap", 4), line("access", b"ap", 9),
        line("access", b"absent", 0), line("creat", b"cr", 0o7777),
        line("stat", b"cr", "b144", show="s"),
        line("umask", 0o77), line("creat", b"cs", 0o666), line("stat", b"cs", "b144", show="s"),
        line("umask", 0o22), line("truncate", b"ap", 100), line("truncate", b".", 1),
        line("truncate", b"absent", 1), line("ioctl", 3, 0x5401, "b64"),
        line("ioctl", 99, 0x5401, "b64"),
        line("read", 3, "b9", 0), line("chmod", b"ap", 0o4755),
        line("stat", b"ap", "b144", show="s"),
        line("fchmod", 3, 0o111), line("fstat", 3, "b144", show="s"), line("access", b"ap", 1),
        line("access", b"cs", 1),
    ]  # fmt: skip
    same(script)


def test_descriptors(same: Callable[[Script], None]) -> None:
    script = [
        line("open", b"f", O_RDWR | O_CREAT, 0o644), line("dup", 3),
        line("write", 4, data(b"abc"), 3),
        line("lseek", 3, 0, 1), line("dup2", 3, 9), line("dup2", 3, 3), line("dup2", 77, 77),
        line("dup2", 77, 5), line("dup2", 3, -1), line("dup2", 3, 1 << 20), line("dup3", 3, 3, 0),
        line("dup3", 3, 8, O_CLOEXEC), line("fcntl", 8, F_GETFD), line("fcntl", 9, F_GETFD),
        line("fcntl", 9, F_SETFD, 1), line("fcntl", 9, F_GETFD), line("fcntl", 3, F_GETFD),
        line("fcntl", 3, F_DUPFD, 5), line("fcntl", 3, F_DUPFD, 20), line("fcntl", 3, F_DUPFD, -1),
        line("fcntl", 3, 1030, 5), line("fcntl", 6, F_GETFD), line("fcntl", 99, F_GETFD),
        line("fcntl", 3, F_SETFL, O_APPEND | O_NONBLOCK), line("lseek", 3, 0, 0),
        line("write", 4, data(b"def"), 3), line("pread64", 3, "b9", 9, 0, show="b"),
        line("fcntl", 3, 999), line("close", 3), line("close", 3), line("open", b"f", O_RDONLY),
        line("pipe2", "b8", O_NONBLOCK, show="4"), line("pipe2", 16, 0), line("pipe2", "b8", 1),
        line("fcntl", 7, F_GETFL), line("fcntl", 10, F_GETFL),
        line("read", 7, "b9", 9), line("write", 10, data(b"x" * 100), 100),
        line("read", 7, "b200", 60, show="b"),
        line("write", 7, data(b"y"), 1), line("read", 10, "b9", 1), line("lseek", 7, 0, 0),
        line("pread64", 7, "b9", 1, 0), line("ftruncate", 10, 0),
        line("poll", data(bytes([7, 0, 0, 0, POLLIN, 0, 0, 0])), 1, 0, show="p"),
        line("poll", data(bytes([10, 0, 0, 0, POLLOUT, 0, 0, 0])), 1, 0, show="p"),
        line("read", 7, "b200", 200, show="b"),
        line("poll", data(bytes([7, 0, 0, 0, POLLIN, 0, 0, 0])), 1, 0, show="p"),
        line("poll", data(bytes([7, 0, 0, 0, POLLIN, 0, 0, 0])), 1, 5, show="p"),
        line("poll", data(bytes([99, 0, 0, 0, POLLIN, 0, 0, 0])), 1, 5, show="p"),
        line("poll", data(bytes([255, 255, 255, 255, 1, 0, 0, 0])), 1, 0, show="p"),
        *[line("write", 10, "b65536", 65536)] * 2, line("write", 10, "b10", 10),
        line("poll", data(bytes([10, 0, 0, 0, POLLOUT, 0, 0, 0])), 1, 0, show="p"),
        line("fstat", 7, "b144", show="s"), line("close", 10),
        line("read", 7, "b65536", 65536, show="b"), line("read", 7, "b9", 9),
        line("poll", data(bytes([7, 0, 0, 0, POLLIN, 0, 0, 0])), 1, 0, show="p"),
    ]  # fmt: skip
    same(script)


def test_directories_and_links(same: Callable[[Script], None]) -> None:
    script = [
        line("mkdir", b"d", 0o755), line("mkdir", b"d", 0o755), line("mkdir", b"d/e/", 0o700),
        line("mkdir", b"x/y", 0o755), line("mkdir", b"/", 0o755), line("mkdir", b"", 0o755),
        line("stat", b"d", "b144", show="s"), line("rmdir", b"d"), line("chdir", b"d/e"),
        line("mkdir", b"../../q", 0o755), line("chdir", b"../.."), line("chdir", b"absent"),
        line("symlink", b"d/e", b"link"), line("symlink", b"absent", b"dead"),
        line("symlink", b"", b"n"),
        line("symlink", b"self", b"self"), line("symlink", b"d", b"link"),
        line("readlink", b"link", "b64", 64, show="b"),
        line("readlink", b"link", "b64", 2, show="b"),
        line("readlink", b"d", "b64", 64), line("readlink", b"link", "b64", 0),
        line("lstat", b"link", "b144", show="s"), line("stat", b"link", "b144", show="s"),
        line("stat", b"dead", "b144", show="s"), line("stat", b"self", "b144"),
        line("open", b"self", O_RDONLY),
        line("open", b"link", O_RDONLY | O_NOFOLLOW),
        line("open", b"dead", O_CREAT | O_EXCL, 0o644),
        line("open", b"dead", O_CREAT | O_WRONLY, 0o644), line("stat", b"absent", "b144", show="s"),
        line("link", b"absent", b"hard"), line("stat", b"hard", "b144", show="s"),
        line("link", b"d", b"hd"), line("link", b"hard", b"d"), line("link", b"gone", b"z"),
        line("link", b"dead", b"second"), line("lstat", b"second", "b144", show="s"),
        line("rename", b"hard", b"d/moved"), line("rename", b"d", b"d/e/f"),
        line("rename", b"q", b"d"),
        line("rename", b"d/moved", b"q"), line("rename", b"q", b"d/moved"),
        line("rename", b"q", b"r"),
        line("rename", b"gone", b"r"), line("rename", b"r", b"r/.."), line("rename", b".", b"s"),
        line("rmdir", b"r/."), line("rmdir", b"r/.."), line("rmdir", b"absent"),
        line("rmdir", b"gone"),
        line("unlink", b"d"), line("unlink", b"gone"), line("unlink", b"dead/"),
        line("unlink", b"link/"),
        line("open", b".", O_RDONLY), line("getdents64", 4, "b4096", 4096, show="e"),
        line("getdents64", 4, "b4096", 4096, show="e"), line("lseek", 4, 0, 0),
        line("getdents64", 4, "b4096", 10), line("getdents64", 4, "b4096", 4096, show="e"),
        line("getdents64", 3, "b4096", 4096), line("getdents64", 99, "b4096", 4096),
        line("unlinkat", 4, b"dead", 0), line("unlinkat", 4, b"r", 0),
        line("unlinkat", 4, b"r", AT_REMOVEDIR),
        line("unlinkat", 3, b"x", 0), line("unlinkat", 4, b"d", 77),
        line("mkdirat", 4, b"at", 0o755),
        line("openat", 4, b"at/f", O_CREAT | O_RDWR, 0o644), line("openat", 99, b"at/f", O_RDONLY),
        line("openat", AT_FDCWD, b"at/f", O_RDONLY),
        line("newfstatat", 4, b"at", "b144", 0, show="s"),
        line("newfstatat", 5, b"", "b144", 0x1000, show="s"), line("newfstatat", 5, b"", "b144", 0),
        line("newfstatat", AT_FDCWD, b"", "b144", 0x1000, show="s"), line("fchdir", 4),
        line("fchdir", 3),
        line("rmdir", b"at"), line("unlink", b"at/f"), line("rmdir", b"at"),
        line("stat", b"at", "b144"),
        line("mkdir", b"gone2", 0o755), line("chdir", b"gone2"), line("rmdir", b"../gone2"),
        line("open", b"f", O_CREAT | O_WRONLY, 0o644), line("open", b"..", O_RDONLY),
        line("getcwd", "b100", 100),
        line("chdir", b".."), line("getcwd", "b100", 1), line("fchdir", 4),
    ]  # fmt: skip
    same(script)


@pytest.mark.parametrize("seed", range(3))
def test_random_calls(same: Callable[[Script], None], seed: int) -> None:
    rng = random.Random(seed)
    script: Script = []
    paths = [b"a", b"b", b"a/a", b"a/b", b"b/a", b"l", b"l/a", b"a/../b", b"./a", b"a/l"]
    for _ in range(700):
        script.append(_random_call(rng, paths))
    same(script)


def _random_call(rng: random.Random, paths: list[bytes]) -> str:
    one, two, fd = rng.choice(paths), rng.choice(paths), rng.randrange(3, 12)
    offset, size = rng.choice((0, 1, 4095, 4096, 9000)), rng.choice((0, 1, 100, 5000))
    content = data(rng.randbytes(min(size, 300)))
    flags = rng.choice((O_RDONLY, O_RDWR, O_RDWR | O_APPEND)) | rng.choice(
        (0, O_CREAT, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW)
    )
    choices = [
        line("mkdir", one, 0o755), line("rmdir", one), line("unlink", one),
        line("rename", one, two),
        line("link", one, two), line("symlink", two, one), line("open", one, flags, 0o644),
        line("open", one, flags, 0o644), line("close", fd),
        line("read", fd, "b5000", size, show="b"),
        line("write", fd, content, min(size, 300)), line("lseek", fd, offset, rng.randrange(3)),
        line("pread64", fd, "b5000", size, offset, show="b"),
        line("pwrite64", fd, content, min(size, 300), offset), line("ftruncate", fd, offset),
        line("stat", one, "b144", show="s"), line("lstat", one, "b144", show="s"),
        line("fstat", fd, "b144", show="s"), line("dup", fd),
        line("dup2", fd, rng.randrange(3, 12)),
        line("readlink", one, "b100", 100, show="b"), line("truncate", one, offset),
        line("access", one, rng.choice((0, 2, 4))),
    ]  # fmt: skip
    return rng.choice(choices)
