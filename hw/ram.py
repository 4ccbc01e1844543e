"""Physical memory, board memory and the ledger: three memfds, mapped at fixed host addresses.

Physical memory is what the kernel, the cores and the devices' DMA see. Board memory is the state
of the hardware itself (register files, APIC pages, decoded code), which no physical address names.
The ledger is what those who watch the kernel write down (the lock validator's graph, who waits for
whom): apart, so that they stand on nothing they watch. All are sparse: a frame nobody touched costs
nothing. All are mapped before the fork, MAP_SHARED, at the same host address in every process, so
an address is valid in all of them.

Every bulk write to physical memory goes through here, because a frame may hold decoded code:
``write``, ``zero`` and ``copy`` test FRAME_HAS_CODE and tell the cores. Under MPK_WATCH they go
word by word, so that another core may come in between and a race with them shows.

State: RAM, and this process's mapping (as private as an address space is).
Locks: none; what needs order uses hw.atomics. Context: any.
"""

import ctypes
import mmap
import os
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from hw import atomics
from hw.atomics import AtomicU32, AtomicU64
from hw.spec.address import PAGE_SHIFT
from hw.spec.layout import DIRECT_MAP, Layout, fixed, layout, u64
from hw.spec.memory_map import MAX_CPUS, MAX_RAM, MIB, ram_end
from hw.spec.watch import READ, WATCHING, WRITE, WatchedWords, pieces

#: Host address of board memory, and its size (sparse).
BOARD_MAP: Final = 0x2000_0000_0000
BOARD_SIZE: Final = 512 * MIB

#: Host address of the ledger, and its size (sparse).
LEDGER_MAP: Final = 0x3000_0000_0000
LEDGER_SIZE: Final = 1024 * MIB

#: Bits of a frame's byte in FRAME_FLAGS.
FRAME_HAS_CODE: Final = 1 << 0
FRAME_WRITE_TAG_GIVEN: Final = 1 << 1
FRAME_LOOKED_UP: Final = 1 << 2  #: in the store of decoded code
#: What no longer holds when code is written: all but that a core may write unseen.
FRAME_CODE_BITS: Final = FRAME_HAS_CODE | FRAME_LOOKED_UP

_MAP_FIXED_NOREPLACE: Final = 0x100000
_MAP_NORESERVE: Final = 0x4000
_MAP_FAILED: Final = (1 << 64) - 1
_MREMAP_TO: Final = 3  #: MREMAP_MAYMOVE | MREMAP_FIXED

T = TypeVar("T", bound=Layout)


class Segment:
    """A region where layouts are placed at import time, like a linker's data section.

    Every process imports the same modules before the fork, so all agree on the addresses; placing
    after ``freeze`` is an error, because only this process would know of it.
    """

    __slots__ = ("_end", "_frozen", "_next")

    def __init__(self, host_base: int, size: int) -> None:
        self._next = host_base
        self._end = host_base + size
        self._frozen = False

    def place(self, kind: type[T], *, align: int = 64) -> T:
        """View of a zeroed ``kind`` that every process of the machine shares."""
        return kind.from_address(self.reserve(kind.SIZE, align=align))

    def place_array(self, kind: type[T], count: int, *, align: int = 64) -> tuple[T, ...]:
        """Views of ``count`` of them, each on its own ``align`` border."""
        return tuple(self.place(kind, align=align) for _ in range(count))

    def reserve(self, size: int, *, align: int = 64) -> int:
        """Host address of ``size`` zeroed bytes."""
        assert not self._frozen, "placed after the fork: only this process would know of it"
        start = -(-self._next // align) * align
        assert start + size <= self._end, "segment is full"
        self._next = start + size
        return start

    def freeze(self) -> int:
        """End placing; return the first free host address."""
        self._frozen = True
        return self._next


#: Part of board memory that compiled code names by constant addresses: registers, decoded code.
#: Only hw.cpu places here, so the addresses do not depend on what else is imported before.
CORE_SIZE: Final = 192 * MIB
#: End of board memory: native code made while the machine runs. It is written at CODE_WRITE_MAP and
#: executed at CODE_MAP, where the same pages cannot be written.
CODE_SIZE: Final = 16 * MIB
CODE_WRITE_MAP: Final = BOARD_MAP + BOARD_SIZE - CODE_SIZE
CODE_MAP: Final = 0x2800_0000_0000
#: Where cores see parts of board memory once more, side by side as they like (``alias``).
WINDOW_MAP: Final = 0x2900_0000_0000
WINDOW_SIZE: Final = 256 * MIB
CORE_BOARD: Final = Segment(CODE_WRITE_MAP - CORE_SIZE, CORE_SIZE)

#: Board memory: state of the hardware.
BOARD: Final = Segment(BOARD_MAP, BOARD_SIZE - CORE_SIZE - CODE_SIZE)

#: The ledger: notes of those who watch the kernel.
LEDGER: Final = Segment(LEDGER_MAP, LEDGER_SIZE)

#: One byte a frame of the largest RAM (FRAME_*), at a host address.
FRAME_FLAGS: Final = BOARD.reserve(MAX_RAM >> PAGE_SHIFT, align=4096)

#: One 32-bit word a frame, at a host address: bumped when decoded code of the frame becomes stale.
FRAME_VERSIONS: Final = BOARD.reserve(4 * (MAX_RAM >> PAGE_SHIFT), align=4096)


@layout(size=24)
class MemoryHeader(Layout):
    """What a process that maps the machine must know first."""

    ram_bytes: Annotated[u64, fixed]
    ram_end: Annotated[u64, fixed]  #: first physical address above all RAM
    code_generation: AtomicU64  #: bumped when a frame with decoded code is written


HEADER: Final = BOARD.place(MemoryHeader)


@layout(size=8)
class PendingWord(Layout):
    """Why a running core should look up."""

    bits: AtomicU64


#: Bits of a core's pending word: not 0 makes it leave native code at its next block end.
PENDING_INTERRUPT: Final = 1 << 0
PENDING_CODE_WRITTEN: Final = 1 << 1
PENDING_EXCLUSIVE: Final = 1 << 2
PENDING_STOP: Final = 1 << 3

PENDING: Final = BOARD.place_array(PendingWord, MAX_CPUS)


@dataclass(frozen=True)
class MemoryFiles:
    """The memfds of a machine."""

    ram_fd: int
    board_fd: int
    ledger_fd: int

    def places(self) -> tuple[tuple[int, int], ...]:
        """Each memfd and the host address where it is mapped."""
        return (
            (self.board_fd, BOARD_MAP),
            (self.ledger_fd, LEDGER_MAP),
            (self.ram_fd, DIRECT_MAP),
        )


_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_uint64
_libc.mmap.argtypes = [
    ctypes.c_uint64, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
]  # fmt: skip
_libc.munmap.argtypes = [ctypes.c_uint64, ctypes.c_size_t]
_libc.mremap.restype = ctypes.c_uint64
_libc.mremap.argtypes = [
    ctypes.c_uint64, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint64,
]  # fmt: skip


def create(ram_bytes: int) -> MemoryFiles:
    """Make the memory of a machine and map it here.

    Raises:
        OSError: the host has no room, or a machine is mapped in this process already.
    """
    ram_fd = os.memfd_create("mpkernel-ram", os.MFD_CLOEXEC)
    board_fd = os.memfd_create("mpkernel-board", os.MFD_CLOEXEC)
    ledger_fd = os.memfd_create("mpkernel-ledger", os.MFD_CLOEXEC)
    os.ftruncate(ram_fd, ram_end(ram_bytes))
    os.ftruncate(board_fd, BOARD_SIZE)
    os.ftruncate(ledger_fd, LEDGER_SIZE)
    files = MemoryFiles(ram_fd, board_fd, ledger_fd)
    map_memory(files)
    HEADER.ram_bytes = ram_bytes
    HEADER.ram_end = ram_end(ram_bytes)
    return files


def map_memory(files: MemoryFiles) -> None:
    """Map a machine's memory into this process.

    Raises:
        OSError: a machine is mapped here already, or the address range is taken.
    """
    data, code = mmap.PROT_READ | mmap.PROT_WRITE, mmap.PROT_READ | mmap.PROT_EXEC
    places = [(fd, base, os.fstat(fd).st_size, data, 0) for fd, base in files.places()]
    places.append((files.board_fd, CODE_MAP, CODE_SIZE, code, BOARD_SIZE - CODE_SIZE))
    for fd, base, size, protection, offset in places:
        flags = mmap.MAP_SHARED | _MAP_FIXED_NOREPLACE | _MAP_NORESERVE
        got = _libc.mmap(base, size, protection, flags, fd, offset)
        if got != base:
            raise OSError(ctypes.get_errno(), "cannot map the machine's memory")


def alias(source: int, size: int, target: int) -> None:
    """Let this process see pages of board memory at ``target``, too; both are page addresses.

    Raises:
        OSError: the host has no room for another mapping.

    """
    assert WINDOW_MAP <= target <= WINDOW_MAP + WINDOW_SIZE - size, "outside the windows"
    if _libc.mremap(source, 0, size, _MREMAP_TO, target) != target:
        raise OSError(ctypes.get_errno(), "cannot map a core's window")


def close(files: MemoryFiles) -> None:
    """Unmap the machine from this process and close its files."""
    _libc.munmap(CODE_MAP, CODE_SIZE)
    _libc.munmap(WINDOW_MAP, WINDOW_SIZE)
    for fd, base in files.places():
        _libc.munmap(base, os.fstat(fd).st_size)
        os.close(fd)


def read(addr: int, size: int) -> bytes:
    """Copy of ``size`` bytes at a physical address."""
    _check(addr, size)
    if WATCHING:
        return b"".join(ctypes.string_at(*piece) for piece in pieces(DIRECT_MAP + addr, size, READ))
    return ctypes.string_at(DIRECT_MAP + addr, size)


def write(addr: int, data: bytes | bytearray | memoryview) -> None:
    """Store bytes at a physical address; not atomic as a whole, words are never torn."""
    size = len(data)
    _check(addr, size)
    source = data if isinstance(data, bytes) else bytes(data)
    if WATCHING:
        for at, count in pieces(DIRECT_MAP + addr, size, WRITE):
            done = at - DIRECT_MAP - addr
            ctypes.memmove(at, source[done : done + count], count)
    else:
        ctypes.memmove(DIRECT_MAP + addr, source, size)
    written(addr, size)


def zero(addr: int, size: int) -> None:
    """Clear ``size`` bytes at a physical address."""
    _check(addr, size)
    if WATCHING:
        for at, count in pieces(DIRECT_MAP + addr, size, WRITE):
            ctypes.memset(at, 0, count)
    else:
        ctypes.memset(DIRECT_MAP + addr, 0, size)
    written(addr, size)


def copy(target: int, source: int, size: int) -> None:
    """Copy between physical addresses, which may overlap."""
    _check(target, size)
    _check(source, size)
    if WATCHING:
        write(target, read(source, size))
        return
    ctypes.memmove(DIRECT_MAP + target, DIRECT_MAP + source, size)
    written(target, size)


def view(addr: int, size: int) -> memoryview:
    """Writable bytes at a physical address, for DMA (preadv).

    Whoever writes through it calls ``written`` afterwards.
    """
    _check(addr, size)
    buffer = (ctypes.c_uint8 * size).from_address(DIRECT_MAP + addr)
    return memoryview(buffer).cast("B")


def words(addr: int, count: int) -> memoryview:
    """``count`` 64-bit words at an 8-byte aligned physical address, as Python ints."""
    _check(addr, 8 * count)
    buffer = (ctypes.c_uint8 * (8 * count)).from_address(DIRECT_MAP + addr)
    view = memoryview(buffer).cast("B").cast("Q")
    return cast("memoryview", WatchedWords(view, DIRECT_MAP + addr)) if WATCHING else view


def array(addr: int, size: int) -> npt.NDArray[np.uint8]:
    """The bytes as numpy, for whole pages and bitmaps; never element by element."""
    _check(addr, size)
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(DIRECT_MAP + addr))


def read_ledger(host_address: int, size: int) -> bytes:
    """Copy of ``size`` bytes of the ledger."""
    _check_ledger(host_address, size)
    return ctypes.string_at(host_address, size)


def write_ledger(host_address: int, data: bytes) -> None:
    """Store bytes in the ledger. No code runs there, so no core is told."""
    _check_ledger(host_address, len(data))
    ctypes.memmove(host_address, data, len(data))


def ledger_words(host_address: int, count: int) -> memoryview:
    """``count`` 64-bit words of the ledger, as Python ints."""
    _check_ledger(host_address, 8 * count)
    return memoryview((ctypes.c_uint8 * (8 * count)).from_address(host_address)).cast("B").cast("Q")


def written(addr: int, size: int) -> None:
    """Tell the cores that bytes changed, if any of them may have been decoded as code."""
    atomics.fence()  # bytes before flags: whoever decodes sets the flag, then reads the bytes
    flags = ctypes.string_at(
        FRAME_FLAGS + (addr >> PAGE_SHIFT),
        ((addr + max(size, 1) - 1) >> PAGE_SHIFT) - (addr >> PAGE_SHIFT) + 1,
    )
    if not any(flags) or not any(flag & FRAME_HAS_CODE for flag in flags):
        return
    for index, flag in enumerate(flags):
        if flag & FRAME_HAS_CODE:
            pfn = (addr >> PAGE_SHIFT) + index
            atomics.and8_at(FRAME_FLAGS + pfn, ~FRAME_CODE_BITS & 0xFF)
            AtomicU32.from_address(FRAME_VERSIONS + 4 * pfn).add(1)
    HEADER.code_generation.add(1)
    for pending in PENDING:
        pending.bits.or_(PENDING_CODE_WRITTEN)


def _check_ledger(host_address: int, size: int) -> None:
    assert LEDGER_MAP <= host_address <= LEDGER_MAP + LEDGER_SIZE - size, "not in the ledger"


def _check(addr: int, size: int) -> None:
    assert 0 <= addr <= HEADER.ram_end - size, f"no RAM at {addr:#x}+{size:#x}"
