"""A root disk that the kernel could not mount is refused in words."""

from pathlib import Path

import click
import pytest

from mpkernel.cli.root_disk import check_root
from mpkernel.tools.mkfs import make_image


@pytest.fixture
def image(tmp_path: Path) -> Path:
    make_image(tmp_path / "root.img", 1 << 20)
    return tmp_path / "root.img"


def test_a_volume_is_taken_and_left_alone(image: Path):
    before = image.read_bytes()
    check_root(image)
    assert image.read_bytes() == before


@pytest.mark.parametrize(
    ("offset", "data", "words"),
    [
        (1024 + 56, b"\0\0", "not an ext2 volume"),
        (1024 + 96, b"\x40\0\0\0", "unknown ext2 feature"),
        (1024 + 32, b"\0\0\0\0", "blocks a group"),
    ],
)
def test_another_is_refused_by_name(image: Path, offset: int, data: bytes, words: str):
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(data)
    with pytest.raises(click.ClickException) as caught:
        check_root(image)
    assert words in caught.value.message
    assert "root.img" in caught.value.message


def test_one_that_is_too_small_is_refused(tmp_path: Path):
    (tmp_path / "small").write_bytes(b"x" * 512)
    with pytest.raises(click.ClickException, match="small"):
        check_root(tmp_path / "small")


def test_a_missing_one_is_an_error_of_the_host(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        check_root(tmp_path / "nothing")
