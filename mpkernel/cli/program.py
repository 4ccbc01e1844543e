"""The program that ``mpkernel run`` is given, read and looked at before a machine starts.

Why: what plainly cannot run is refused in one line here; what looks good is left to the kernel's
own loader, which trusts nothing.

Spec: ELF-64 object file format; System V ABI, AMD64 supplement.
State: none. Context: the launcher.
"""

import struct
from pathlib import Path
from typing import Final

import click

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_ELF64_LITTLE_ENDIAN: Final = b"\x7fELF\x02\x01"
_ET_EXEC: Final = 2
_ET_DYN: Final = 3
_EM_X86_64: Final = 62
_PT_LOAD: Final = 1
_PT_INTERP: Final = 3


class RefusedFileError(click.ClickException):
    """A file cannot be used; the text says why."""

    exit_code = 2


def read_file(path: Path) -> bytes:
    """Return the content of a file of the host.

    Raises:
        RefusedFileError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedFileError(f"cannot read {path}: {error.strerror}") from None


def read_program(path: Path) -> bytes:
    """Return a static x86-64 ELF.

    Raises:
        RefusedFileError: it is missing, or another kind of file.
    """
    data = read_file(path)
    reason = refusal(data)
    if reason is not None:
        raise RefusedFileError(f"{path} {reason}")
    return data


def refusal(data: bytes) -> str | None:
    """Return why these bytes are no static x86-64 program, None if they look like one."""
    if data[:2] == b"#!":
        return "is a script: give its interpreter as the program, the script with --file"
    if data[:4] != _ELF64_LITTLE_ENDIAN[:4]:
        return "is no ELF program"
    if len(data) < _HEADER.size:
        return "is cut off: the ELF header is not whole"
    ident, kind, machine, _, _, table, *_, size, count, _, _, _ = _HEADER.unpack_from(data)
    if ident[:6] != _ELF64_LITTLE_ENDIAN or machine != _EM_X86_64:
        return "is not for x86-64: compile it for x86-64 Linux"
    if kind not in (_ET_EXEC, _ET_DYN):
        return "is an ELF file but no program: link it"
    return _refusal_of_segments(data, table, size, count)


def _refusal_of_segments(data: bytes, table: int, size: int, count: int) -> str | None:
    """Look at the program headers, at ``table`` in the file."""
    if size != _SEGMENT.size or table + size * count > len(data):
        return "is cut off or damaged: its program headers are not whole"
    kinds = [_SEGMENT.unpack_from(data, table + size * index)[0] for index in range(count)]
    if _PT_INTERP in kinds:
        return "is dynamically linked: link it with -static"
    return None if _PT_LOAD in kinds else "has nothing to load"
