"""Decoded code on disk: what one machine has decoded, the next one finds.

Micro-ops name handlers by number and hold no pointers, so the blocks of a page follow from its
bytes, its address and the decoder. When a core meets a page of code it looks it up under the digest
of these three, and publishes all of its blocks at once; so cold code costs a tenth of decoding it.
Nothing else changes: a block is the same block, wherever it came from.

    <digest of decoder, address, bytes>     SHA-256 of what follows | header, micro-ops | header ..

A file is written whole when the machine has ended, and renamed into place; one that is torn or
changed is not believed. Left out is what does not pay: pages of few instructions, blocks that
straddle pages, code outside 64-bit mode, frames whose code is written again and again. The folder
is bounded; the oldest files go first.

MPK_CODE_STORE in the environment names the folder; empty, there is none. Else it stands beside the
native code ($XDG_CACHE_HOME/mpkernel/code).

State: the folder; board memory: which pages were looked up. Locks: none, a slot is taken by an
atomic. Context: ``open_store`` and ``save`` in the launcher, ``find`` in a core.
"""

import contextlib
import ctypes
import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from iced_x86 import _iced_x86_py

from hw import native, ram
from hw.atomics import AtomicU64
from hw.cpu import code_cache
from hw.cpu.code_cache import Block
from hw.cpu.handler_compiler import source_key
from hw.ram import BOARD
from hw.spec.layout import Layout, atomic, fixed, layout
from hw.spec.layout import u64 as word
from hw.spec.memory_map import KIB, MIB

VARIABLE: Final = "MPK_CODE_STORE"

#: Bytes that the folder may hold, and what is left of them when it was swept.
FOLDER_BYTES: Final = 64 * MIB
SWEPT_BYTES: Final = 48 * MIB
#: A page with fewer instructions is decoded as fast as it is found.
LEAST_INSTRUCTIONS: Final = 32
#: A page with more bytes of blocks has too many entries to be of use.
MOST_BYTES: Final = 256 * KIB
#: Bytes of blocks that a machine must have decoded itself before it looks what to save.
WORTH_SAVING: Final = 32 * KIB
#: A frame whose code was written more often is taken for a compiler's output.
REWRITES: Final = 16

_PAGE: Final = 4096
_DIGEST_BYTES: Final = 32
_DIGEST: Final = ctypes.c_uint8 * _DIGEST_BYTES
_PAGES: Final = 8192
#: A file of ours, whole or half written.
_NAME: Final = re.compile(r"[0-9a-f]{64}(\.\d+)?")


@layout()
class AskedPage(Layout):
    """A page that a core has looked up."""

    digest: Annotated[Any, _DIGEST, fixed]
    page: Annotated[word, fixed]  #: guest address
    version: Annotated[word, fixed]  #: of the frame
    known: Annotated[word, fixed]  #: bytes of blocks that were found
    frame: Annotated[word, fixed]  #: physical address; 0 until the rest is there


_ASKED_PAGES: Final = AskedPage * _PAGES


@layout()
class Store(Layout):
    """Whether there is a store, and what was asked of it."""

    is_open: Annotated[word, atomic]
    asked: AtomicU64  #: pages looked up; may pass the number of slots
    found: AtomicU64  #: bytes of blocks found
    pages: Annotated[Any, _ASKED_PAGES, atomic]  #: the first that were looked up


STORE: Final = BOARD.place(Store)


def _folder() -> Path:
    named = os.environ.get(VARIABLE)
    return native.cache_directory() / "code" if named is None else Path(named)


@cache
def _decoder() -> bytes:
    """What micro-ops follow from besides a page: our sources, and the library that decodes."""
    library = Path(_iced_x86_py.__file__).stat()
    return f"{source_key('hw.cpu.decode')}:{library.st_size}:{library.st_mtime_ns}".encode()


def open_store() -> None:
    """Let the cores of this machine look up what they would decode, if the host has a folder."""
    if os.environ.get(VARIABLE) == "":
        return
    try:
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    _decoder()
    STORE.is_open = 1


def _digest(content: bytes, page: int) -> bytes:
    return hashlib.sha256(b"%b:%x:" % (_decoder(), page) + content).digest()


def find(frame: int, version: int, page: int) -> bytes:
    """Blocks of a page as ``code_cache.publish`` takes them; none if it is not known.

    The caller has marked the frame as holding code, and then read its version.
    """
    if version > REWRITES:
        return b""
    digest = _digest(ram.read(frame, _PAGE), page)
    blocks = _read(digest)
    slot = STORE.asked.add(1)
    if slot < _PAGES:
        asked = STORE.pages[slot]
        asked.digest[:] = digest
        asked.page, asked.version, asked.known = page, version, len(blocks)
        asked.frame = frame
    STORE.found.add(len(blocks))
    return blocks


def _read(digest: bytes) -> bytes:
    try:
        file = os.open(_folder() / digest.hex(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.read(file, min(os.fstat(file).st_size, _DIGEST_BYTES + MOST_BYTES))
        finally:
            os.close(file)
    except OSError:
        return b""
    blocks = data[_DIGEST_BYTES:]
    return blocks if hashlib.sha256(blocks).digest() == data[:_DIGEST_BYTES] else b""


def save() -> None:
    """Write down what was decoded: all cores have ended, and the memory is still there."""
    decoded = code_cache.HEADER.used.load() - STORE.found.load()
    if not STORE.is_open or decoded < WORTH_SAVING:
        return
    pages = _blocks_by_page()
    has_written = False
    for asked in STORE.pages[: STORE.asked.load()]:
        blocks = pages.get((asked.frame, asked.page), {})
        if _is_worth_saving(asked, list(blocks.values())):
            records = b"".join(code_cache.as_decoded(blocks[rip]) for rip in sorted(blocks))
            has_written |= _write(bytes(asked.digest), records)
    if has_written:
        _sweep()


def _blocks_by_page() -> dict[tuple[int, int], dict[int, Block]]:
    """Blocks that follow from one page: by frame and address of the page, then by their own."""
    pages: dict[tuple[int, int], dict[int, Block]] = {}
    for block in code_cache.published():
        stays = block.second_frame == 0
        if stays and block.version == code_cache.version_of(block.frame):
            of_page = pages.setdefault((block.frame, block.rip & ~(_PAGE - 1)), {})
            of_page.setdefault(block.rip, block)
    return pages


def _is_worth_saving(asked: AskedPage, blocks: list[Block]) -> bool:
    """Whether a page's blocks are more than was found, worth it, and those of its bytes."""
    size = sum(Block.SIZE + block.size_bytes for block in blocks)
    return (
        asked.known < size <= MOST_BYTES
        and sum(block.instructions for block in blocks) >= LEAST_INSTRUCTIONS
        and asked.version == code_cache.version_of(asked.frame)
        # a write that the machine's end cut off has changed the bytes and told nobody
        and _digest(ram.read(asked.frame, _PAGE), asked.page) == bytes(asked.digest)
    )


def _write(digest: bytes, blocks: bytes) -> bool:
    """Write a page's file; False if the host does not let us."""
    target = _folder() / digest.hex()
    beside = target.with_suffix(f".{os.getpid()}")
    try:
        beside.write_bytes(hashlib.sha256(blocks).digest() + blocks)
        beside.replace(target)
    except OSError:
        _remove(beside)
        return False
    return True


def _sweep() -> None:
    """Remove the oldest files of a folder that has grown too large; only those that are ours."""
    try:
        with os.scandir(_folder()) as entries:
            found = [entry for entry in entries if _NAME.fullmatch(entry.name)]
        ours = [(entry.stat(follow_symlinks=False), entry.path) for entry in found]
    except OSError:
        return
    files = sorted((stat.st_mtime_ns, stat.st_size, path) for stat, path in ours)
    left = sum(size for _, size, _ in files)
    if left <= FOLDER_BYTES:
        return
    for _, size, path in files:
        if left <= SWEPT_BYTES:
            return
        _remove(Path(path))
        left -= size


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
