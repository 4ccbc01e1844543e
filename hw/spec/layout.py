"""Formats declared once: a layout is a class whose fields are bytes in shared memory.

A layout is the only way to name bytes. Offsets, arrays, sizes and documentation are derived from
it, never written again. A wrong size fails at import, and so does a reserved field that is not at
the offset in its name (``reserved_0x0a0``).

    @layout(size=16)
    class VirtqDesc(Layout):
        addr: u64   #: physical address of the buffer
        len: u32    #: bytes
        flags: u16  #: VIRTQ_DESC_F_NEXT | WRITE | INDIRECT
        next: u16   #: index of the next descriptor, valid if NEXT

Memory is mapped at the same host address in every process (hw.ram), so a view made from an address
is valid in all of them, also when it is made before the memory exists.

Under MPK_WATCH (hw.spec.watch) the fields tell of each access; else they are plain ctypes fields.

State: none. Context: any.
"""

import ctypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from hw.spec import watch

#: Host virtual address at which every process maps the machine's physical memory: physical
#: address p is host address DIRECT_MAP + p. As in real kernels, one constant offset.
DIRECT_MAP: Final = 0x1000_0000_0000

u8 = Annotated[int, ctypes.c_uint8]
u16 = Annotated[int, ctypes.c_uint16]
u32 = Annotated[int, ctypes.c_uint32]
u64 = Annotated[int, ctypes.c_uint64]
i32 = Annotated[int, ctypes.c_int32]
i64 = Annotated[int, ctypes.c_int64]


@dataclass(frozen=True)
class Discipline:
    """How a field may be touched; read by the race checker and by the generated tables."""

    kind: str
    lock: str = ""


#: Read and written without a lock, by single aligned loads and stores or by hw.atomics.
atomic: Final = Discipline("atomic")
#: Written once, before the object is visible to another core.
fixed: Final = Discipline("fixed")
#: Touched only by the core that owns it.
this_cpu: Final = Discipline("this_cpu")
#: Counted for people to read: nothing is decided by it, and some may be lost.
statistic: Final = Discipline("statistic")


def guarded_by(lock: str) -> Discipline:
    """Fields touched only with the named lock held."""
    return Discipline("guarded_by", lock)


class Layout(ctypes.LittleEndianStructure):
    """Base of all layouts: a view of bytes, never the owner of state."""

    SIZE: ClassVar[int]
    DISCIPLINE: ClassVar[dict[str, Discipline]]

    @classmethod
    def at(cls, addr: int) -> Self:
        """View the layout at physical address ``addr``. No bytes are touched."""
        return cls.from_address(DIRECT_MAP + addr)

    @property
    def phys(self) -> int:
        """Physical address of this view (meaningful for views made by ``at``)."""
        return ctypes.addressof(self) - DIRECT_MAP

    @classmethod
    def offset_of(cls, field: str) -> int:
        """Offset in bytes of a field from the start of the layout."""
        offset: int = getattr(cls, field).offset
        return offset


L = TypeVar("L", bound=type[Layout])
_RESERVED: Final = re.compile(r"reserved_0x([0-9a-f]+)$")


def _ctype(annotation: object, where: str) -> tuple[Any, Discipline | None]:
    """The ctypes type and the discipline that an annotation carries."""
    discipline = None
    ctype: Any = None
    if get_origin(annotation) is Annotated:
        for extra in get_args(annotation)[1:]:
            if isinstance(extra, Discipline):
                discipline = extra
            else:
                ctype = extra
        annotation = get_args(annotation)[0]
    if ctype is None and isinstance(annotation, type) and issubclass(annotation, Layout):
        ctype = annotation
    if ctype is None:
        raise TypeError(f"{where}: no ctypes type in its annotation")
    return ctype, discipline


def layout(*, size: int | None = None, pack: int | None = None) -> Callable[[L], L]:
    """Make a class of annotated fields a layout of ``size`` bytes.

    Raises:
        TypeError: a field without a type, a size or a reserved offset that does not add up.
    """

    def decorate(cls: L) -> L:
        hints = get_type_hints(cls, include_extras=True)
        fields: list[tuple[str, Any]] = []
        disciplines: dict[str, Discipline] = {}
        for name in cls.__annotations__:
            hint = hints[name]
            if hint is Final or get_origin(hint) in (ClassVar, Final):
                continue
            ctype, discipline = _ctype(hint, f"{cls.__name__}.{name}")
            if watch.WATCHING and hasattr(ctype, "_length_"):
                ctype = _watched_array(ctype, discipline)
            fields.append((name, ctype))
            if discipline is not None:
                disciplines[name] = discipline
        if pack is not None:
            cls._pack_ = pack
            cls._layout_ = "ms"  # type: ignore[attr-defined]  # Python 3.14 asks for it
        cls._fields_ = fields
        cls.SIZE = ctypes.sizeof(cls)
        cls.DISCIPLINE = disciplines
        if watch.WATCHING:
            _watch_fields(cls, fields)
        if size is not None and size != cls.SIZE:
            raise TypeError(f"{cls.__name__} is {cls.SIZE} bytes, not {size}")
        for name, _ in fields:
            match = _RESERVED.match(name)
            if match and int(match[1], 16) != cls.offset_of(name):
                raise TypeError(f"{cls.__name__}.{name} stands at {cls.offset_of(name):#x}")
        return cls

    return decorate


def _kind(discipline: Discipline | None) -> int | None:
    """What the accesses to a field tell a watcher; None if they need not be told."""
    if discipline is None:
        return 0
    if discipline.kind in ("fixed", "this_cpu"):
        return watch.PRIVATE if watch.WATCHING_ALL else None
    if discipline is statistic:
        return None
    return watch.ATOMIC if discipline is atomic else 0


def _watch_fields(cls: type[Layout], fields: list[tuple[str, Any]]) -> None:
    """Replace the fields that hold one number by twins that tell of each access."""
    for name, ctype in fields:
        kind = _kind(cls.DISCIPLINE.get(name))
        is_number = not hasattr(ctype, "_fields_") and not hasattr(ctype, "_length_")
        if is_number and kind is not None:
            setattr(cls, name, watch.watched_field(getattr(cls, name), kind))


def _watched_array(ctype: Any, discipline: Discipline | None) -> Any:
    """The twin of an array of numbers; others as they are: their elements tell themselves."""
    kind = _kind(discipline)
    of_numbers = not hasattr(ctype._type_, "_fields_") and ctype._type_ is not ctypes.c_char
    return watch.watched_array(ctype, kind) if of_numbers and kind is not None else ctype


@dataclass(frozen=True)
class Field:
    """A range of bits inside a word: bits ``lo`` to ``lo + width - 1``."""

    lo: int
    width: int

    @property
    def mask(self) -> int:
        """The field's bits, in place."""
        return ((1 << self.width) - 1) << self.lo

    def get(self, word: int) -> int:
        """Value of the field in ``word``."""
        return (word >> self.lo) & ((1 << self.width) - 1)

    def put(self, word: int, value: int) -> int:
        """``word`` with the field replaced.

        Raises:
            ValueError: the value does not fit.
        """
        if value >> self.width:
            raise ValueError(f"{value:#x} does not fit {self.width} bits")
        return (word & ~self.mask) | (value << self.lo)
