"""Headers of executable files.

Spec: System V gABI, Object Files, Program Header; x86-64 psABI; Linux uapi/linux/auxvec.h.
State: none. Context: any.
"""

import ctypes
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, layout, u16, u32, u64

ELF_MAGIC: Final = b"\x7fELF"
ELFCLASS64: Final = 2
ELFDATA2LSB: Final = 1
EV_CURRENT: Final = 1
ET_EXEC: Final = 2
ET_DYN: Final = 3
EM_X86_64: Final = 62

PT_LOAD: Final = 1
PT_INTERP: Final = 3
PT_PHDR: Final = 6
PT_GNU_STACK: Final = 0x6474E551

PF_X: Final = 1
PF_W: Final = 2
PF_R: Final = 4


@layout(size=64)
class ElfHeader(Layout):
    """Elf64_Ehdr."""

    e_ident: Annotated[Any, ctypes.c_uint8 * 16]
    e_type: u16
    e_machine: u16
    e_version: u32
    e_entry: u64
    e_phoff: u64
    e_shoff: u64
    e_flags: u32
    e_ehsize: u16
    e_phentsize: u16
    e_phnum: u16
    e_shentsize: u16
    e_shnum: u16
    e_shstrndx: u16


@layout(size=56)
class ProgramHeader(Layout):
    """Elf64_Phdr."""

    p_type: u32
    p_flags: u32
    p_offset: u64
    p_vaddr: u64
    p_paddr: u64
    p_filesz: u64
    p_memsz: u64
    p_align: u64


AT_NULL: Final = 0
AT_PHDR: Final = 3
AT_PHENT: Final = 4
AT_PHNUM: Final = 5
AT_PAGESZ: Final = 6
AT_BASE: Final = 7
AT_FLAGS: Final = 8
AT_ENTRY: Final = 9
AT_UID: Final = 11
AT_EUID: Final = 12
AT_GID: Final = 13
AT_EGID: Final = 14
AT_PLATFORM: Final = 15
AT_HWCAP: Final = 16
AT_CLKTCK: Final = 17
AT_SECURE: Final = 23
AT_RANDOM: Final = 25
AT_EXECFN: Final = 31
