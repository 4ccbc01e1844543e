"""A tree of files to be written to an image: from a host folder, or put together in a program.

Nodes carry what an inode carries. A node that stands under several names is a hard link. The
content of regular files is read only when the image is written.

State: none. Context: the host.
"""

import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO


class ImageError(Exception):
    """An image cannot be made; the text is one line for the user."""


@dataclass(eq=False)
class Node:
    """What every kind of file has. ``mode`` holds the kind as well as the permissions."""

    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0  #: seconds since 1970


@dataclass(eq=False)
class Directory(Node):
    """A directory and its names, without ``.`` and ``..``."""

    mode: int = stat.S_IFDIR | 0o755
    entries: dict[bytes, Node] = field(default_factory=dict)


@dataclass(eq=False)
class Regular(Node):
    """A file of ``size`` bytes, from memory or from the host file ``path``."""

    mode: int = stat.S_IFREG | 0o644
    size: int = 0
    content: bytes | Path = b""


@dataclass(eq=False)
class Symlink(Node):
    """A symbolic link."""

    mode: int = stat.S_IFLNK | 0o777
    target: bytes = b""


@dataclass(eq=False)
class Special(Node):
    """A device, pipe or socket; major and minor number are 0 for the last two."""

    major: int = 0
    minor: int = 0


def regular(content: bytes | Path, *, mode: int = 0o644) -> Regular:
    """A file of root's with this content."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return Regular(stat.S_IFREG | mode, size=size, content=content)


def walk(root: Node) -> Iterator[Node]:
    """Each node below ``root`` once, ``root`` first, names in order."""
    seen: set[int] = set()
    pending = deque([root])
    while pending:
        node = pending.popleft()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, Directory):
            pending.extend(child for _, child in sorted(node.entries.items()))


def read_folder(path: Path) -> Directory:
    """The tree below a host folder; symbolic links stay links.

    Raises:
        ImageError: it is missing, is no folder, or something in it cannot be read.
    """
    return _Reader().folder(path)


class _Reader:
    """Remembers which inodes were seen, to find hard links."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], Node] = {}

    def folder(self, path: Path) -> Directory:
        with _named(path):
            info = os.stat(path)
            if not stat.S_ISDIR(info.st_mode):
                raise ImageError(f"{path} is not a directory")
            root = _directory(info)
            pending = [(os.fsencode(path), root)]
        while pending:
            folder, node = pending.pop()
            with _named(folder):
                for name in sorted(os.listdir(folder)):
                    child = self._node(os.path.join(folder, name))
                    node.entries[name] = child
                    if isinstance(child, Directory):
                        pending.append((os.path.join(folder, name), child))
        return root

    def _node(self, path: bytes) -> Node:
        with _named(path):
            info = os.lstat(path)
            if stat.S_ISDIR(info.st_mode):
                return _directory(info)
            key = (info.st_dev, info.st_ino)
            if key not in self._seen:
                self._seen[key] = _leaf(path, info)
        return self._seen[key]


class _named:  # noqa: N801  (reads as a statement)
    """Turns the host's error into one line that names the file."""

    def __init__(self, path: bytes | Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise ImageError(f"cannot read {os.fsdecode(self._path)}: {error.strerror}") from None


def _directory(info: os.stat_result) -> Directory:
    return Directory(info.st_mode, info.st_uid, info.st_gid, int(info.st_mtime))


def _leaf(path: bytes, info: os.stat_result) -> Node:
    mode, uid, gid, mtime = info.st_mode, info.st_uid, info.st_gid, int(info.st_mtime)
    if stat.S_ISREG(mode):
        if not os.access(path, os.R_OK):
            raise PermissionError(13, "Permission denied")
        content = Path(os.fsdecode(path))
        return Regular(mode, uid, gid, mtime, size=info.st_size, content=content)
    if stat.S_ISLNK(mode):
        return Symlink(mode, uid, gid, mtime, target=os.readlink(path))
    major, minor = os.major(info.st_rdev), os.minor(info.st_rdev)
    return Special(mode, uid, gid, mtime, major=major, minor=minor)


def open_content(node: Regular) -> BinaryIO:
    """The content of a file that lies on the host.

    Raises:
        ImageError: it went away.
    """
    assert isinstance(node.content, Path)
    with _named(node.content):
        return node.content.open("rb")
