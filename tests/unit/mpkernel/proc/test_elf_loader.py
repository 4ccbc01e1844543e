"""Executables: what is in memory against pyelftools' reading, and hostile headers."""

import io
import struct
from collections.abc import Iterator

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from guests import build
from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs import mount
from mpkernel.fs.inode import put_inode
from mpkernel.fs.path import resolve
from mpkernel.mm import address_space
from mpkernel.mm.user_memory import copy_from_space
from mpkernel.proc.elf_loader import PROGRAM_BASE, Executable, map_executable, read_executable
from tests.unit.mpkernel.proc.conftest import Processes

HELLO = (build.programs() / "hello").read_bytes()


@pytest.fixture(scope="module")
def shared() -> Iterator[Processes]:
    """One kernel for all tests of this file: each leaves it as it was."""
    from mpkernel.proc import process  # noqa: PLC0415
    from tests.support.files import file_kernel  # noqa: PLC0415

    with file_kernel() as kernel:
        kernel.run_one(mount.mount_all(""))
        process.init()
        yield Processes(kernel)


def load(processes: Processes, data: bytes) -> tuple[Executable, bytes, int]:
    """Headers, the memory of all segments, and the base of a file."""

    async def body() -> tuple[Executable, bytes, int]:
        await mount.install_file(b"/program", data, 0o755)
        inode = await resolve(b"/program")
        try:
            executable = await read_executable(inode)
            space = address_space.create()
            try:
                image = await map_executable(space, executable, PROGRAM_BASE)
                memory = b""
                for one in executable.segments:
                    at = image.base + one.p_vaddr
                    memory += await copy_from_space(space, at, one.p_memsz)
            finally:
                address_space.put(space)
        finally:
            put_inode(inode)
        return executable, memory, image.base

    result: tuple[Executable, bytes, int] = processes.kernel.run_one(body())
    return result


def expected_memory(data: bytes) -> bytes:
    elf = ELFFile(io.BytesIO(data))
    loads = [one for one in elf.iter_segments() if one["p_type"] == "PT_LOAD"]
    return b"".join(one.data().ljust(one["p_memsz"], b"\0") for one in loads)


def patched(offset: int, form: str, value: int) -> bytes:
    data = bytearray(HELLO)
    data[offset : offset + struct.calcsize(form)] = struct.pack(form, value)
    return bytes(data)


def header_of_data_segment() -> int:
    """File offset of the program header of the segment with the zeroed tail."""
    elf = ELFFile(io.BytesIO(HELLO))
    for index, one in enumerate(elf.iter_segments()):
        if one["p_type"] == "PT_LOAD" and one["p_memsz"] > one["p_filesz"]:
            return int(elf["e_phoff"]) + 56 * index
    raise AssertionError("no segment with a zeroed tail")


def test_segments_are_as_pyelftools_reads_them(shared: Processes) -> None:
    executable, memory, base = load(shared, HELLO)
    assert base == 0
    assert executable.entry == ELFFile(io.BytesIO(HELLO))["e_entry"]
    assert memory == expected_memory(HELLO)


def test_bytes_after_the_file_part_are_zero_even_if_the_file_has_more(shared: Processes) -> None:
    at = header_of_data_segment()
    size = struct.unpack_from("<Q", HELLO, at + 32)[0]
    data = bytearray(patched(at + 32, "<Q", max(size - 5, 0)))
    _, memory, _ = load(shared, bytes(data))
    assert memory == expected_memory(bytes(data))


def test_position_independent_goes_to_the_base(shared: Processes) -> None:
    data = patched(16, "<H", 3)
    _, memory, base = load(shared, data)
    assert base == PROGRAM_BASE - 0x400000
    assert memory == expected_memory(data)


@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (0, "<I", 0), (4, "B", 1), (5, "B", 2), (6, "B", 0), (16, "<H", 1), (16, "<H", 4),
        (18, "<H", 3), (32, "<Q", 1 << 63), (32, "<Q", 1 << 20), (54, "<H", 55), (56, "<H", 0),
        (56, "<H", 0xFFFF),
    ],
)  # fmt: skip
def test_bad_file_headers(shared: Processes, offset: int, form: str, value: int) -> None:
    with pytest.raises(SysError) as caught:
        load(shared, patched(offset, form, value))
    assert caught.value.errno == Errno.ENOEXEC


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (8, 1 << 40), (8, (1 << 64) - 4096), (16, 0), (16, 0x7FFF_FFFF_F000),
        (16, 0xFFFF_8000_0000_0000), (16, 0x400001), (32, 1 << 40), (32, (1 << 64) - 1),
        (40, 0x8000_0000_0000), (40, (1 << 64) - 1),
    ],
)  # fmt: skip
def test_bad_program_headers(shared: Processes, offset: int, value: int) -> None:
    at = header_of_data_segment()
    with pytest.raises(SysError) as caught:
        load(shared, patched(at + offset, "<Q", value))
    assert caught.value.errno == Errno.ENOEXEC


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 64 + 56 * 4), st.binary(min_size=1, max_size=9), st.integers(0, len(HELLO)))
def test_any_damage_is_an_errno_or_loads(
    shared: Processes, at: int, damage: bytes, size: int
) -> None:
    data = bytearray(HELLO)
    data[at : at + len(damage)] = damage
    try:
        load(shared, bytes(data[: size if size & 1 else len(data)]))
    except SysError as error:
        # EFAULT, as on Linux: the rest of the last page of a segment that forbids writing
        assert error.errno in (Errno.ENOEXEC, Errno.ENOMEM, Errno.EFAULT)  # noqa: PT017
