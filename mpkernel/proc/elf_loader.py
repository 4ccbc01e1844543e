"""ELF loader: an executable's headers, checked, and its segments, mapped.

Nothing in a file is trusted: everything is checked before anything is mapped. A segment's pages
come from the file; what p_memsz has beyond p_filesz is zero:

    p_vaddr ........... p_filesz | zeroed by hand | fresh pages ...... p_memsz
    |--- file pages, the last one partly ---------|--- anonymous pages ---|

Static executables of fixed address (ET_EXEC) and position-independent ones (ET_DYN), the latter
also as interpreter of a dynamic one.

Spec: System V gABI, Program Loading; x86-64 psABI. State: the address space. Locks: mmap's.
Context: task; may sleep.
"""

from dataclasses import dataclass
from typing import Final

from hw.spec.address import PAGE_SIZE, page_down, page_up
from mpkernel.abi.elf import (
    ELF_MAGIC,
    ELFCLASS64,
    ELFDATA2LSB,
    EM_X86_64,
    ET_DYN,
    ET_EXEC,
    EV_CURRENT,
    PF_R,
    PF_W,
    PF_X,
    PT_INTERP,
    PT_LOAD,
    PT_PHDR,
    ElfHeader,
    ProgramHeader,
)
from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.mman import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_PRIVATE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
)
from mpkernel.fs.file import map_cache, read_inode_at
from mpkernel.fs.inode import Inode
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.mmap import FileMapping, map_region
from mpkernel.mm.user_memory import copy_to_space

#: First address above user memory that a program may use.
USER_END: Final = 0x7FFF_FFFF_F000
#: Lowest address that a segment may have.
USER_START: Final = 0x1_0000
#: Where position-independent programs and their interpreters go.
PROGRAM_BASE: Final = 0x5555_5555_4000
INTERPRETER_BASE: Final = 0x7FFF_F000_0000
MOST_HEADERS: Final = PAGE_SIZE // ProgramHeader.SIZE
PATH_LIMIT: Final = 4096


@dataclass(frozen=True)
class Executable:
    """What the headers of a file say, checked."""

    inode: Inode
    entry: int
    is_fixed: bool  #: ET_EXEC
    header_offset: int  #: of the program headers in the file
    header_count: int
    segments: tuple[ProgramHeader, ...]  #: PT_LOAD, ascending
    headers_address: int  #: p_vaddr of the program headers, 0 if they are in no segment
    interpreter: bytes  #: path, empty for a static program


@dataclass(frozen=True)
class Image:
    """An executable in memory."""

    base: int  #: added to all addresses of the file
    entry: int
    headers: int  #: address of the program headers
    end: int  #: first address after the highest segment


def bad() -> SysError:
    """The error of a file that is no proper executable."""
    return SysError(Errno.ENOEXEC)


async def read_executable(inode: Inode) -> Executable:
    """Read and check the headers of a file.

    Raises:
        SysError: ENOEXEC, EIO.
    """
    data = await read_inode_at(inode, 0, ElfHeader.SIZE)
    if len(data) < ElfHeader.SIZE:
        raise bad()
    header = ElfHeader.from_buffer_copy(data)
    _check_header(header)
    size = header.e_phnum * ProgramHeader.SIZE
    data = await read_inode_at(inode, header.e_phoff, size)
    if len(data) < size:
        raise bad()
    headers = [
        ProgramHeader.from_buffer_copy(data, index * ProgramHeader.SIZE)
        for index in range(header.e_phnum)
    ]
    segments = tuple(one for one in headers if one.p_type == PT_LOAD and one.p_memsz)
    _check_segments(segments, inode.cache.size_bytes, is_fixed=header.e_type == ET_EXEC)
    return Executable(
        inode=inode,
        entry=header.e_entry,
        is_fixed=header.e_type == ET_EXEC,
        header_offset=header.e_phoff,
        header_count=header.e_phnum,
        segments=segments,
        headers_address=_headers_address(header, headers, segments),
        interpreter=await _interpreter(inode, headers),
    )


def _check_header(header: ElfHeader) -> None:
    ident = bytes(header.e_ident)
    if ident[:4] != ELF_MAGIC or ident[4:7] != bytes((ELFCLASS64, ELFDATA2LSB, EV_CURRENT)):
        raise bad()
    if header.e_type not in (ET_EXEC, ET_DYN) or header.e_machine != EM_X86_64:
        raise bad()
    if header.e_phentsize != ProgramHeader.SIZE or not 0 < header.e_phnum <= MOST_HEADERS:
        raise bad()
    if header.e_phoff >= 1 << 40:
        raise bad()


def _check_segments(segments: tuple[ProgramHeader, ...], file_size: int, *, is_fixed: bool) -> None:
    """Each in user memory and in the file, page offsets that agree, ascending and apart."""
    if not segments:
        raise bad()
    lowest = USER_START if is_fixed else 0
    limit = USER_END if is_fixed else INTERPRETER_BASE - PROGRAM_BASE
    last = 0
    for one in segments:
        end = one.p_vaddr + one.p_memsz
        if one.p_filesz > one.p_memsz or one.p_offset + one.p_filesz > file_size:
            raise bad()
        if one.p_vaddr < lowest or end > limit:
            raise bad()
        if (one.p_vaddr - one.p_offset) % PAGE_SIZE:
            raise bad()
        if page_down(one.p_vaddr) < last:
            raise bad()
        last = page_up(end)


def _headers_address(
    header: ElfHeader, headers: list[ProgramHeader], segments: tuple[ProgramHeader, ...]
) -> int:
    for one in headers:
        if one.p_type == PT_PHDR:
            address: int = one.p_vaddr
            return address
    for one in segments:
        if one.p_offset <= header.e_phoff < one.p_offset + one.p_filesz:
            found: int = one.p_vaddr + header.e_phoff - one.p_offset
            return found
    return 0


async def _interpreter(inode: Inode, headers: list[ProgramHeader]) -> bytes:
    for one in headers:
        if one.p_type != PT_INTERP:
            continue
        if not 1 < one.p_filesz <= PATH_LIMIT:
            raise bad()
        text = await read_inode_at(inode, one.p_offset, one.p_filesz)
        if len(text) != one.p_filesz or text[-1]:
            raise bad()
        return text.split(b"\0", 1)[0]
    return b""


async def map_executable(space: AddressSpace, program: Executable, base: int) -> Image:
    """Map all segments; ``base`` is for position-independent files.

    Raises:
        SysError: ENOMEM, EIO.
    """
    bias = 0 if program.is_fixed else base - page_down(program.segments[0].p_vaddr)
    end = 0
    for one in program.segments:
        await _map_segment(space, program.inode, one, bias)
        end = max(end, bias + one.p_vaddr + one.p_memsz)
    headers = bias + program.headers_address if program.headers_address else 0
    return Image(bias, bias + program.entry, headers, end)


def _protection(flags: int) -> int:
    pairs = ((PF_R, PROT_READ), (PF_W, PROT_WRITE), (PF_X, PROT_EXEC))
    return sum(right for flag, right in pairs if flags & flag)


async def _map_segment(space: AddressSpace, inode: Inode, one: ProgramHeader, bias: int) -> None:
    start = bias + page_down(one.p_vaddr)
    file_end = bias + one.p_vaddr + one.p_filesz
    memory_end = page_up(bias + one.p_vaddr + one.p_memsz)
    rights = _protection(one.p_flags)
    filled = start
    if one.p_filesz:
        filled = page_up(file_end)
        mapping = FileMapping(map_cache(inode), page_down(one.p_offset))
        await map_region(space, start, filled - start, rights, MAP_PRIVATE | MAP_FIXED, mapping)
    if memory_end > filled:
        flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
        await map_region(space, filled, memory_end - filled, rights, flags, None)
    tail = min(filled, bias + one.p_vaddr + one.p_memsz) - file_end
    if tail > 0 and one.p_filesz and rights & PROT_WRITE:
        await copy_to_space(space, file_end, bytes(filled - file_end))
