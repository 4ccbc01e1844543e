"""Headers of executables stand as in the host's elf.h."""

from mpkernel.abi import elf
from tests.support.host_headers import differing, misplaced


def test_constants_are_the_hosts():
    assert not differing(elf, ["elf.h"])
    assert elf.ELF_MAGIC == b"\x7fELF"


def test_headers_are_laid_out_as_the_hosts():
    assert not misplaced(elf.ElfHeader, "Elf64_Ehdr", ["elf.h"])
    assert not misplaced(elf.ProgramHeader, "Elf64_Phdr", ["elf.h"])
