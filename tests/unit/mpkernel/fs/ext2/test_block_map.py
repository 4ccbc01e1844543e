"""Which block holds what, as debugfs says, from direct blocks to triple indirect ones."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.ext2.block_map import block_of
from mpkernel.fs.ext2.directory import find
from mpkernel.fs.ext2.layout import ROOT_INO
from mpkernel.fs.ext2.volume import open_volume
from mpkernel.tools.mkfs import make_image
from tests.support.files import HostReader
from tests.unit.mpkernel.fs.ext2.test_volume import run

pytestmark = [
    pytest.mark.feature("I3"),
    pytest.mark.skipif(shutil.which("debugfs") is None, reason="needs e2fsprogs"),
]


def _spots(block_size: int) -> list[int]:
    """Blocks of a file at all depths and on both sides of each border."""
    per_block = block_size // 4
    borders = [12, 12 + per_block, 12 + per_block + per_block**2]
    deep = borders[2] + per_block**2 + 5 if block_size == 1024 else borders[1] + 3 * per_block + 1
    make = random.Random(block_size)
    return sorted({0, 3, 11, deep, *(b + d for b in borders for d in (-1, 0, 1) if b + d < deep),
                   *(make.randrange(deep) for _ in range(20))})  # fmt: skip


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_every_depth_is_where_debugfs_finds_it(tmp_path: Path, block_size: int) -> None:
    tree, image = tmp_path / "tree", tmp_path / "image"
    tree.mkdir()
    spots = _spots(block_size)
    with (tree / "sparse").open("wb") as file:
        for spot in spots:
            file.seek(spot * block_size)
            file.write(b"%d" % spot)
    make_image(image, 4 << 20, block_size, tree)
    asked = sorted({*spots, *(spot + 1 for spot in spots[:-1])})
    script = "\n".join(f"bmap sparse {index}" for index in asked)
    said = subprocess.run(
        ["debugfs", "-f", "-", image], input=script, capture_output=True, text=True, check=True
    ).stdout
    expected = [int(line) for line in said.splitlines() if line.isdigit()]
    reader = HostReader(image)
    volume = run(open_volume(reader))
    ino = run(find(volume, run(volume.inode(ROOT_INO)), b"sparse"))
    inode = run(volume.inode(ino))
    assert [run(block_of(volume, inode, index)) for index in asked] == expected
    assert any(expected)
    assert not all(expected)
    with pytest.raises(SysError) as error:
        run(block_of(volume, inode, 1 << 40))
    assert error.value.errno == Errno.EIO
    reader.close()
