"""Images against e2fsck, which must be silent, and debugfs, which must read the same files."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpkernel.tools.file_tree import Directory, Node, Regular, Special, Symlink
from mpkernel.tools.mkfs import make_image, make_tree_image

pytestmark = [
    pytest.mark.skipif(
        shutil.which("debugfs") is None or shutil.which("e2fsck") is None, reason="needs e2fsprogs"
    ),
    pytest.mark.feature("I3"),
]

MIB = 1 << 20
BLOCK_SIZES = [1024, 2048, 4096]


def _check(image: Path) -> None:
    """E2fsck finds nothing to say but its five passes and its closing line."""
    done = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True, check=False)
    passes = [line for line in done.stdout.splitlines() if not re.match(r"Pass \d: ", line)]
    assert done.returncode == 0, done.stdout
    assert len(passes) == 1, done.stdout


def _debugfs(image: Path, *commands: str) -> str:
    script = "\n".join(commands)
    return subprocess.run(
        ["debugfs", "-f", "-", image], input=script, capture_output=True, text=True, check=True
    ).stdout


def _dump(image: Path, target: Path) -> None:
    target.mkdir()
    _debugfs(image, f"rdump / {target}")


def _content(path: Path) -> dict[str, object]:
    """All files below a folder: kind, rights, time, and content."""
    found: dict[str, object] = {}
    for entry in sorted(path.rglob("*")):
        info = entry.lstat()
        name = os.fsencode(entry.relative_to(path)).decode("latin-1")
        if stat.S_ISLNK(info.st_mode):
            found[name] = os.readlink(entry)
        elif stat.S_ISDIR(info.st_mode):
            found[name] = (info.st_mode, int(info.st_mtime))
        else:
            found[name] = (info.st_mode, int(info.st_mtime), info.st_size, entry.read_bytes())
    return found


NAMES = st.one_of(st.binary(min_size=1, max_size=12), st.binary(min_size=200, max_size=255)).filter(
    lambda name: not {0, 47, 34, 10} & set(name) and name not in {b".", b"..", b"lost+found"}
)
TIMES = st.integers(0, (1 << 31) - 1)


@st.composite
def _files(draw: st.DrawFn) -> Regular:
    """Runs of data and of nothing, mostly small, some over the first indirect block."""
    pieces = draw(
        st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 9000), st.booleans()), max_size=5)
    )
    content = b"".join(seed.ljust(size, seed[:1] if fill else b"\0") for seed, size, fill in
                       ((seed or b"q", size, fill) for seed, size, fill in pieces))  # fmt: skip
    mode = stat.S_IFREG | draw(st.integers(0o400, 0o777))
    return Regular(mode, mtime=draw(TIMES), size=len(content), content=content)


LINKS = st.binary(min_size=1, max_size=90).filter(lambda target: 0 not in target).map(
    lambda target: Symlink(target=target)
)  # fmt: skip


def _folders(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(
        Directory, mode=st.integers(0o500, 0o777).map(lambda mode: mode | 0o200 | stat.S_IFDIR),
        mtime=TIMES, entries=st.dictionaries(NAMES, children, max_size=12),
    )  # fmt: skip


TREES = _folders(st.recursive(st.one_of(_files(), LINKS), _folders, max_leaves=25))


def _lay_out(node: Directory, path: Path) -> None:
    """The tree on the host."""
    for name, child in node.entries.items():
        target = Path(os.fsdecode(os.path.join(os.fsencode(path), name)))
        match child:
            case Directory():
                target.mkdir()
                _lay_out(child, target)
            case Symlink():
                os.symlink(child.target, os.fsencode(target))
                continue
            case Regular():
                assert isinstance(child.content, bytes)
                target.write_bytes(child.content)
        target.chmod(child.mode & 0o7777)
        os.utime(target, (child.mtime, child.mtime))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=TREES, block_size=st.sampled_from(BLOCK_SIZES), size=st.integers(2 * MIB, 20 * MIB))
def test_random_trees_are_clean_and_come_out_again(
    tree: Directory, block_size: int, size: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        _lay_out(tree, folder / "in")
        make_image(folder / "image", size, block_size, folder / "in")
        _check(folder / "image")
        _dump(folder / "image", folder / "out")
        (folder / "out" / "lost+found").rmdir()
        assert _content(folder / "out") == _content(folder / "in")


@settings(max_examples=60, deadline=None)
@given(size=st.integers(100 * 1024, 80 * MIB), block_size=st.sampled_from(BLOCK_SIZES))
def test_empty_images_of_any_size_are_clean(size: int, block_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        make_image(image, size, block_size)
        _check(image)


@pytest.mark.parametrize("size", [8193, 8192 + 16, 8192 + 40, 8192 + 64, 16385, 8192 * 12 + 30])
def test_images_with_a_small_last_group_are_clean(tmp_path: Path, size: int) -> None:
    make_image(tmp_path / "image", size * 1024, 1024)
    _check(tmp_path / "image")


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_a_large_sparse_image_is_clean(tmp_path: Path, block_size: int) -> None:
    make_image(tmp_path / "image", 2 << 30, block_size)
    _check(tmp_path / "image")


@pytest.mark.parametrize("block_size", BLOCK_SIZES)
def test_blocks_of_all_levels_come_out_where_they_went_in(tmp_path: Path, block_size: int) -> None:
    fan_out = block_size // 4
    levels = [0, 11, 12, 11 + fan_out, 12 + fan_out, 11 + fan_out + fan_out**2,
              12 + fan_out + fan_out**2, 12 + fan_out + fan_out**2 + 3]  # fmt: skip
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "sparse").open("wb") as file:
        for level in levels:
            file.seek(level * block_size)
            file.write(f"block {level}".encode())
        file.truncate((levels[-1] + 9) * block_size + 1)
    image = tmp_path / "image"
    make_image(image, 4 * MIB, block_size, tmp_path / "in")
    _check(image)
    answers = _debugfs(image, *(f"bmap /sparse {level}" for level in [*levels, levels[-1] - 1]))
    blocks = [int(line) for line in answers.splitlines() if line.isdigit()]
    content = image.read_bytes()
    for level, block in zip(levels, blocks[:-1], strict=True):
        assert content[block * block_size :].startswith(f"block {level}\0".encode())
    assert blocks[-1] == 0, "a hole takes no block"
    assert f"Size: {(levels[-1] + 9) * block_size + 1}" in _debugfs(image, "stat /sparse")


def test_a_full_file_of_several_megabytes_is_equal(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    content = os.urandom(3 * MIB + 77)
    (tmp_path / "in" / "file").write_bytes(content)
    make_image(tmp_path / "image", 10 * MIB, 1024, tmp_path / "in")
    _check(tmp_path / "image")
    _dump(tmp_path / "image", tmp_path / "out")
    assert (tmp_path / "out" / "file").read_bytes() == content


def test_many_names_and_folders(tmp_path: Path) -> None:
    many: dict[bytes, Node] = {b"name%d" % index: Regular() for index in range(3000)}
    many.update({b"folder%d" % index: Directory() for index in range(500)})
    image = tmp_path / "image"
    make_tree_image(image, 32 * MIB, 1024, Directory(entries={b"many": Directory(entries=many)}))
    _check(image)
    listed = set(re.findall(r"(?:name|folder)\d+", _debugfs(image, "ls /many")))
    assert listed == {name.decode() for name in many}


def test_links_owners_devices_and_large_files(tmp_path: Path) -> None:
    shared = Regular(stat.S_IFREG | 0o4644, uid=70000, gid=65537, size=3 << 30)
    tree = Directory(
        entries={
            b"one": shared,
            b"two": shared,
            b"tty": Special(stat.S_IFCHR | 0o600, major=5, minor=1),
            b"disk": Special(stat.S_IFBLK | 0o600, major=259, minor=70000),
            b"fifo": Special(stat.S_IFIFO | 0o644),
            b"socket": Special(stat.S_IFSOCK | 0o755),
        }
    )
    image = tmp_path / "image"
    make_tree_image(image, MIB, 1024, tree)
    _check(image)
    one, two = _debugfs(image, "stat /one"), _debugfs(image, "stat /two")
    assert one.split("stat /one")[1] == two.split("stat /two")[1]
    assert re.search(r"User: 70000 +Group: 65537 .*Size: 3221225472", one, re.DOTALL)
    assert "Links: 2" in one
    assert "Mode:  04644" in one
    assert re.search(r"major/minor number: 05:01", _debugfs(image, "stat /tty"))
    assert re.search(r"major/minor number: 259:70000", _debugfs(image, "stat /disk"))
    assert "Type: FIFO" in _debugfs(image, "stat /fifo")
    assert "Type: socket" in _debugfs(image, "stat /socket")
    assert "large_file" in _debugfs(image, "features")
