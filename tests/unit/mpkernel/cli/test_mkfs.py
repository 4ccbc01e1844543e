"""``mpkernel mkfs`` makes what its options say."""

from pathlib import Path

import pytest

from mpkernel.cli.main import run_command
from mpkernel.fs.ext2.layout import SuperBlock


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_size_and_block_size(tmp_path: Path, block_size: int):
    image = tmp_path / "x.img"
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "note").write_text("a note that the image holds")
    arguments = ["mkfs", str(image), "--size", "2M", "--block-size", str(block_size)]
    assert run_command([*arguments, "--from", str(tmp_path / "from")]) == 0
    data = image.read_bytes()
    assert len(data) == 2 << 20
    superblock = SuperBlock.from_buffer_copy(data, 1024)
    assert 1024 << superblock.s_log_block_size == block_size
    assert b"a note that the image holds" in data


def test_files_that_do_not_fit_are_one_line(tmp_path: Path, capfd):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "big").write_bytes(bytes(range(256)) * 8192)
    image = tmp_path / "x.img"
    assert run_command(["mkfs", str(image), "--size", "1M", "--from", str(tmp_path / "from")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not image.exists()
