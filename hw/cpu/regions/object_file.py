"""An object file made into bytes that run wherever they are copied: a linker for one file.

Why: native code for all processes must lie in shared memory, where LLVM's own loader does not put
it. LLVM is asked for position-independent code without calls to libraries, so all that is left to
do is to lay the sections out one after the other and fill in the distances between them.

Spec: System V ABI, AMD64 supplement, 4.4. State: none. Context: any.
"""

import struct
from dataclasses import dataclass
from typing import Final

_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_RELOCATION: Final = struct.Struct("<QQq")
_RELA: Final = 4
_SYMTAB: Final = 2
_NOBITS: Final = 8
_ALLOC: Final = 2
_EXECUTABLE: Final = 4
_UNDEFINED: Final = 0
_GLOBAL_FUNCTION: Final = 0x12
_FIRST_RESERVED: Final = 0xFF00
#: Relocations that are 32-bit distances: R_X86_64_PC32, R_X86_64_PLT32.
_DISTANCES: Final = (2, 4)


class ObjectError(Exception):
    """The object refers to something outside, or in a way that depends on its address."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section header, as far as it matters."""

    kind: int
    flags: int
    offset: int
    size: int
    info: int  #: of relocations: the section they belong to
    align: int


class ObjectFile:
    """The sections and symbols of an ELF object."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        header = _HEADER.unpack_from(data)
        at, count = header[6], header[12]
        self._sections = [self._section(at + k * _SECTION.size) for k in range(count)]
        self._symbols = [
            symbol
            for section in self._sections
            if section.kind == _SYMTAB
            for symbol in _SYMBOL.iter_unpack(data[section.offset :][: section.size])
        ]

    def _section(self, at: int) -> Section:
        _, kind, flags, _, offset, size, _, info, align, _ = _SECTION.unpack_from(self._data, at)
        return Section(kind, flags, offset, size, info, align)

    def image(self) -> tuple[bytes, int]:
        """The code, then its constants; and where in it the one global function begins.

        Raises:
            ObjectError: it does not stand by itself.
        """
        places: dict[int, int] = {}
        image = bytearray()
        loaded = [k for k, s in enumerate(self._sections) if s.flags & _ALLOC and s.size]
        for number in sorted(loaded, key=lambda k: not self._sections[k].flags & _EXECUTABLE):
            section = self._sections[number]
            if section.kind == _NOBITS:
                raise ObjectError("native code with variables")
            image += bytes(-len(image) % max(section.align, 1))
            places[number] = len(image)
            image += self._data[section.offset :][: section.size]
        for section in self._sections:
            if section.kind == _RELA and section.info in places:
                self._relocate(image, section, places)
        entries = [
            places[home] + value
            for _, info, _, home, value, _ in self._symbols
            if info == _GLOBAL_FUNCTION and home in places
        ]
        if len(entries) != 1:
            raise ObjectError(f"{len(entries)} global functions")
        return bytes(image), entries[0]

    def _relocate(self, image: bytearray, section: Section, places: dict[int, int]) -> None:
        table = self._data[section.offset :][: section.size]
        for offset, info, addend in _RELOCATION.iter_unpack(table):
            kind = info & 0xFFFF_FFFF
            home, value = self._symbols[info >> 32][3:5]
            if kind not in _DISTANCES or home == _UNDEFINED or home >= _FIRST_RESERVED:
                raise ObjectError(f"relocation of kind {kind} to section {home}")
            at = places[section.info] + offset
            distance = places[home] + value + addend - at
            image[at : at + 4] = struct.pack("<i", distance)
