"""Reading a host folder into a tree."""

import os
import stat
from pathlib import Path

import pytest

from mpkernel.tools.file_tree import (
    Directory,
    ImageError,
    Regular,
    Special,
    Symlink,
    read_folder,
    walk,
)


def test_each_kind_of_file_keeps_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "file").chmod(0o4751)
    os.utime(tmp_path / "file", (1, 1234567890))
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo", 0o600)
    root = read_folder(tmp_path)
    assert set(root.entries) == {b"file", b"sub", b"link", b"fifo"}
    file, link, fifo = (root.entries[name] for name in (b"file", b"link", b"fifo"))
    assert isinstance(file, Regular)
    assert (stat.S_IMODE(file.mode), file.mtime, file.size) == (0o4751, 1234567890, 5)
    assert file.uid == os.getuid()
    assert isinstance(link, Symlink)
    assert link.target == b"nowhere"
    assert isinstance(fifo, Special)
    sub = root.entries[b"sub"]
    assert isinstance(sub, Directory)
    assert isinstance(sub.entries[b"deep"], Directory)


def test_a_hard_link_is_one_node_and_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").hardlink_to(tmp_path / "a")
    root = read_folder(tmp_path)
    sub = root.entries[b"sub"]
    assert isinstance(sub, Directory)
    assert root.entries[b"a"] is sub.entries[b"b"]
    assert len(list(walk(root))) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0)
    with pytest.raises(ImageError, match="secret: Permission denied"):
        read_folder(tmp_path)
