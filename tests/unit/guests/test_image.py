"""The built-in root image."""

import shutil
import subprocess
from pathlib import Path

import pytest

from guests import build, image
from mpkernel.tools.file_tree import Directory, ImageError, Regular


@pytest.fixture
def root(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The image, made anew."""
    monkeypatch.setattr(build, "programs", lambda _progress: programs)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return image.root_image()


def test_it_is_made_once_and_the_same_each_time(root: Path) -> None:
    said: list[str] = []
    inode = root.stat().st_ino
    assert image.root_image(said.append) == root
    assert root.stat().st_ino == inode
    content = root.read_bytes()
    root.unlink()
    assert image.root_image(said.append).read_bytes() == content
    assert len(said) == 1


def test_the_tree_holds_what_init_and_the_kernel_need(programs: Path) -> None:
    tree = image.root_tree(programs)
    assert {b"bin", b"dev", b"etc", b"proc", b"root", b"tmp"} == set(tree.entries)
    assert tree.entries[b"tmp"].mode & 0o7777 == 0o1777
    binaries = tree.entries[b"bin"]
    assert isinstance(binaries, Directory)
    for name in (b"init", b"sh", b"primes"):
        node = binaries.entries[name]
        assert isinstance(node, Regular)
        assert node.mode & 0o777 == 0o755
        assert node.size == (programs / name.decode()).stat().st_size


def test_a_cache_that_cannot_be_written_is_one_line(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "programs", lambda _progress: programs)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ImageError, match=r"cannot write .*: Not a directory"):
        image.root_image()


@pytest.mark.skipif(shutil.which("debugfs") is None, reason="needs e2fsprogs")
def test_a_program_comes_out_of_it_as_it_went_in(root: Path, programs: Path) -> None:
    dumped = subprocess.run(
        ["debugfs", "-R", "cat /bin/sh", root], capture_output=True, check=True
    ).stdout
    assert dumped == (programs / "sh").read_bytes()
