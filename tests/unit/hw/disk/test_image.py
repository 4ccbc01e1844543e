"""Images over real files: whole transfers, holes, privacy, locks."""

import os
from pathlib import Path

import pytest

from hw.disk.image import FileImage, PrivateImage, open_image
from hw.machine_config import DiskConfig, MachineError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(bytes(range(256)) * 64)
    return path


@pytest.mark.parametrize("private", [False, True])
def test_vectors_are_read_and_written_whole(path: Path, *, private: bool):
    before = path.read_bytes()
    image = open_image(DiskConfig(path, private=private))
    assert image.sectors == 32
    parts = [memoryview(bytearray(size)) for size in (3, 0, 509, 1024)]
    image.read(512, parts)
    assert b"".join(parts) == before[512:2048]
    image.write(100, [memoryview(b"abc"), memoryview(b"defg")])
    image.zero(1024, 512)
    image.flush()
    back = memoryview(bytearray(16384))
    image.read(0, [back])
    expected = bytearray(before)
    expected[100:107] = b"abcdefg"
    expected[1024:1536] = bytes(512)
    assert back == expected
    os.close(image.fd)
    assert path.read_bytes() == (before if private else expected)


def test_more_pieces_than_the_host_takes_at_once(path: Path):
    image = open_image(DiskConfig(path))
    parts = [memoryview(bytearray(1)) for _ in range(3000)]
    image.read(0, parts)
    assert b"".join(parts) == path.read_bytes()[:3000]
    os.close(image.fd)


def test_file_that_was_cut_behind_our_back(path: Path):
    image = open_image(DiskConfig(path))
    os.truncate(path, 100)
    with pytest.raises(OSError, match="shorter"):
        image.read(0, [memoryview(bytearray(512))])
    os.close(image.fd)


def test_kinds(path: Path):
    for config, kind, read_only in (
        (DiskConfig(path), FileImage, False),
        (DiskConfig(path, read_only=True), FileImage, True),
        (DiskConfig(path, private=True), PrivateImage, False),
    ):
        image = open_image(config)
        assert isinstance(image, kind)
        assert image.read_only is read_only
        os.close(image.fd)


def test_one_writer_or_many_readers(path: Path):
    writer = open_image(DiskConfig(path))
    for config in (DiskConfig(path), DiskConfig(path, read_only=True)):
        with pytest.raises(MachineError, match="in use by another machine"):
            open_image(config)
    os.close(writer.fd)
    readers = [open_image(DiskConfig(path, read_only=True)) for _ in range(2)]
    with pytest.raises(MachineError):
        open_image(DiskConfig(path))
    for reader in readers:
        os.close(reader.fd)
    os.close(open_image(DiskConfig(path)).fd)


def test_fifo_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(MachineError, match="not a regular file"):
        open_image(DiskConfig(tmp_path / "fifo", read_only=True))
