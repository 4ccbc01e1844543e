"""Drivers on machines of real processes: interrupts, rings and hosts' pipes as they really are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUCCESS = 3


def run(scenario: str, cpus: int, *images: Path, data: bytes = b"") -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.driver_machine", scenario, str(cpus), *images],
        input=data,
        capture_output=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(b"".join(n.to_bytes(4, "little") * 128 for n in range(2048)))
    return path


@pytest.mark.parametrize("cpus", [1, 3])
def test_a_disk_is_read_and_written(image: Path, cpus: int) -> None:
    before = image.read_bytes()
    status, _, errors = run("disk", cpus, image)
    assert status == SUCCESS, errors.decode()
    after = image.read_bytes()
    assert after[4096:8192] == b"written!" * 512
    assert after[:4096] + after[8192:] == before[:4096] + before[8192:]


def test_a_full_queue_serves_everybody(image: Path) -> None:
    status, _, errors = run("burst", 2, image)
    assert status == SUCCESS, errors.decode()


def test_streams_pass_every_byte() -> None:
    data = os.urandom(300_000).hex().encode()
    status, output, errors = run("streams", 1, data=data)
    assert status == SUCCESS
    assert output == data.upper()
    assert b"%d bytes\n" % len(data) in errors


def test_lines_of_a_pipe_are_read_without_echo() -> None:
    status, output, errors = run("lines", 2, data=b"a\nbb\nlast")
    assert status == SUCCESS, errors.decode()
    assert output == b"1: a\n2: bb\n3: last"


def test_all_cpus_use_the_disk_at_once(image: Path) -> None:
    status, _, errors = run("smp", 4, image)
    assert status == SUCCESS, errors.decode()


@pytest.mark.feature("H5")
@pytest.mark.parametrize("cpus", [2, 4])
def test_one_queue_serves_the_senders_of_all_cpus(image: Path, cpus: int) -> None:
    status, _, errors = run("share", cpus, image)
    assert status == SUCCESS, errors.decode()
    assert b"20000 requests, 0 wraps" in errors


@pytest.mark.long
@pytest.mark.feature("H5")
@pytest.mark.timeout(120)
def test_more_requests_than_16_bits_count(image: Path) -> None:
    status, _, errors = run("wraps", 4, image)
    assert status == SUCCESS, errors.decode()
    assert b"200000 requests, 3 wraps" in errors
