"""What ``run`` refuses before a machine starts, and what it lets the kernel decide."""

from pathlib import Path

import pytest

from guests import build
from mpkernel.cli.program import RefusedFileError, read_program, refusal


@pytest.fixture(scope="module")
def program() -> bytes:
    return (build.programs() / "true").read_bytes()


def test_a_static_program_is_taken(program: bytes, tmp_path: Path):
    path = tmp_path / "true"
    path.write_bytes(program)
    assert read_program(path) == program


def patched(program: bytes, offset: int, data: bytes) -> bytes:
    return program[:offset] + data + program[offset + len(data) :]


@pytest.mark.parametrize(
    ("offset", "data", "reason"),
    [
        (0, b"MZ", "no ELF"),
        (0, b"#!/bin/sh\n", "script"),
        (4, b"\x01", "not for x86-64"),  # 32 bits
        (5, b"\x02", "not for x86-64"),  # big-endian
        (18, b"\xb7\0", "not for x86-64"),  # aarch64
        (16, b"\x01\0", "link it"),  # an object file
        (32, b"\xff" * 8, "program headers"),  # beyond the file
        (54, b"\x20\0", "program headers"),  # of another size
        (56, b"\0\0", "nothing to load"),  # none at all
        (64, b"\x03\0\0\0", "dynamically linked"),  # the first one: PT_INTERP
    ],
)
def test_other_files_are_refused_by_name(program: bytes, offset: int, data: bytes, reason: str):
    assert reason in (refusal(patched(program, offset, data)) or "")


@pytest.mark.parametrize("size", [0, 3, 63, 100])
def test_every_cut_off_program_is_refused(program: bytes, size: int):
    assert refusal(program[:size])


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(RefusedFileError, match=r"cannot read .*nowhere: No such file"):
        read_program(tmp_path / "nowhere")
