"""Page cache: the pages of one file, each in memory once, for reads, writes and mappings alike.

A page is in the tree from the moment one task sets out to read it; the others find PAGE_READING and
wait. So two CPUs that ask for a page make one read. A read that fails takes the page out again, and
each waiter tries for itself.

State: RAM; a PageCache is a field of its file (an inode). The tree holds one reference to each
frame. Locks: PageCache.lock, over SLAB and FRAMES, guards the tree and Page.cache; the size is the
file system's, under its inode lock. Context: page, read and write are for tasks and sleep.
"""

from functools import partial
from typing import Annotated, Final

from hw.spec.address import PAGE_SHIFT, PAGE_SIZE, page_up
from hw.spec.layout import Layout, atomic, fixed, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Interrupted, SysError
from mpkernel.arch import memory
from mpkernel.arch.atomics import AtomicU64
from mpkernel.collections.radix_tree import NODE_BYTES, RadixTree
from mpkernel.mm import frames
from mpkernel.mm.page import PAGE_READING, PAGE_UP_TO_DATE, Page, get_page, put_page
from mpkernel.mm.page_source import PAGE_SOURCES, SOURCE_NONE
from mpkernel.mm.slab import SlabCache
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock


@layout(size=8)
class CachedPages(Layout):
    """How much the caches of all files hold."""

    count: AtomicU64


CACHED: Final = memory.static(CachedPages)
NODES: Final = SlabCache("radix_node", NODE_BYTES)


@layout()
class PageCache(Layout):
    """The pages of one file."""

    lock: Spinlock
    tree: Annotated[RadixTree, guarded_by("lock")]  #: page index -> frame
    readers: WaitQueue  #: wait for a page to be read
    size_bytes: Annotated[u64, atomic]  #: of the file
    owner: Annotated[u64, fixed]  #: as the page source knows it
    source_id: Annotated[u32, fixed]  #: SOURCE_* of mm.page_source
    reserved_end: u32

    def init(self, source_id: int, owner: int) -> None:
        """Make the cache empty. Before anyone else can see it."""
        self.lock.init(ranks.PAGE_CACHE)
        self.readers.init()
        self.tree.root = self.tree.height = self.tree.count = 0
        self.size_bytes = 0
        self.owner = owner
        self.source_id = source_id


def hold(cache: PageCache) -> None:
    """One more mapping uses the cache: its owner stays."""
    PAGE_SOURCES[cache.source_id].hold(cache.owner)


def drop(cache: PageCache) -> None:
    """A mapping is gone; the cache may be gone after this."""
    PAGE_SOURCES[cache.source_id].drop(cache.owner)


def find(cache: PageCache, index: int) -> int:
    """The frame of a page that is up to date, with a reference for the caller; 0 if it is not."""
    with cache.lock:
        frame = cache.tree.get(index)
        if not frame or not Page.of(frame).flags.value & PAGE_UP_TO_DATE:
            return 0
        get_page(frame)
        return frame


async def page(cache: PageCache, index: int) -> int:
    """The frame of page ``index``, up to date, with a reference that the caller puts.

    Raises:
        SysError: EIO, ENOMEM.
        Interrupted: the task is to die, and another one reads the page.
    """
    while True:
        frame, is_reader = _find_or_begin(cache, index)
        this = Page.of(frame)
        if this.flags.value & PAGE_UP_TO_DATE:
            return frame
        if is_reader:
            await _read_in(cache, index, frame)
            return frame
        try:
            await cache.readers.wait_until(partial(_is_read, this), killable=True)
        except Interrupted:
            put_page(frame)
            raise
        if this.flags.value & PAGE_UP_TO_DATE:
            return frame
        put_page(frame)


async def read(cache: PageCache, offset: int, size: int) -> bytes:
    """Bytes of the file; fewer than ``size`` at its end.

    Raises:
        SysError: EIO, ENOMEM.
    """
    end = min(offset + size, cache.size_bytes)
    pieces = []
    while offset < end:
        inside = offset & (PAGE_SIZE - 1)
        count = min(PAGE_SIZE - inside, end - offset)
        frame = await page(cache, offset >> PAGE_SHIFT)
        pieces.append(memory.read(frame + inside, count))
        put_page(frame)
        offset += count
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def write(cache: PageCache, offset: int, data: bytes) -> None:
    """Store bytes; the file grows if they end beyond it. Writers hold the inode's lock.

    Raises:
        SysError: EIO, ENOMEM; bytes before the page that failed are stored.
    """
    done = 0
    while done < len(data):
        here = offset + done
        inside = here & (PAGE_SIZE - 1)
        count = min(PAGE_SIZE - inside, len(data) - done)
        frame = await page(cache, here >> PAGE_SHIFT)
        memory.write(frame + inside, data[done : done + count])
        put_page(frame)
        done += count
        cache.size_bytes = max(cache.size_bytes, here + count)


def grow(cache: PageCache, size: int) -> None:
    """The file is ``size`` bytes now, more than before; the new ones are zero."""
    assert size >= cache.size_bytes
    cache.size_bytes = size


def truncate(cache: PageCache, size: int) -> None:
    """The file is ``size`` bytes now: pages beyond leave, the rest of the last one is zero.

    Mappings keep the frames that they have.
    """
    if size >= cache.size_bytes:
        grow(cache, size)
        return
    cache.size_bytes = size
    _remove_from(cache, page_up(size) >> PAGE_SHIFT)
    if size & (PAGE_SIZE - 1):
        frame = find(cache, size >> PAGE_SHIFT)
        if frame:
            inside = size & (PAGE_SIZE - 1)
            memory.zero(frame + inside, PAGE_SIZE - inside)
            put_page(frame)


def clear(cache: PageCache) -> None:
    """All pages leave, and the tree's nodes: the owner is about to go, nobody reads."""
    _remove_from(cache, 0)
    with cache.lock:
        cache.tree.release(NODES.free)


def cached_pages() -> int:
    """Pages in memory of all files."""
    count: int = CACHED.count.value
    return count


def page_count(cache: PageCache) -> int:
    """Pages in memory."""
    count: int = cache.tree.count
    return count


def _is_read(this: Page) -> bool:
    """Whether a page's reader is done, well or not."""
    return not this.flags.value & PAGE_READING


def _find_or_begin(cache: PageCache, index: int) -> tuple[int, bool]:
    """The page's frame with a reference, and whether the caller must read it in."""
    with cache.lock:
        frame = cache.tree.get(index)
        if frame:
            get_page(frame)
            return frame, False
        frame = frames.alloc_frame()
        try:
            cache.tree.set(index, frame, NODES.alloc)
        except SysError:
            frames.free_frame(frame)
            raise
        this = Page.of(frame)
        this.cache, this.index = cache.phys, index
        this.flags.store(PAGE_READING)
        CACHED.count.add(1)
        get_page(frame)
        return frame, True


async def _read_in(cache: PageCache, index: int, frame: int) -> None:
    """Fill a page that the caller put into the tree."""
    this = Page.of(frame)
    is_done = False
    try:
        if cache.source_id == SOURCE_NONE:
            memory.zero(frame, PAGE_SIZE)
        else:
            await PAGE_SOURCES[cache.source_id].read_page(cache.owner, index, frame)
        is_done = True
    finally:
        if is_done:
            this.flags.store(PAGE_UP_TO_DATE)
        else:
            with cache.lock:
                _remove_locked(cache, index)
            this.flags.store(0)
            put_page(frame)
        if not cache.readers.is_empty():
            cache.readers.wake_all()


def _remove_from(cache: PageCache, first: int) -> None:
    """Pages from ``first`` on leave the cache."""
    while True:
        with cache.lock:
            # a page that is being read stays: its reader holds the owner, and it is zero or old
            batch = [
                index
                for (index, frame), _ in zip(cache.tree.items(first), range(256), strict=False)
                if Page.of(frame).flags.value & PAGE_UP_TO_DATE
            ]
            for index in batch:
                _remove_locked(cache, index)
        if not batch:
            return


def _remove_locked(cache: PageCache, index: int) -> None:
    """One page out of the tree, with the tree's reference."""
    frame = cache.tree.clear(index)
    if frame:
        CACHED.count.add(-1)
        this = Page.of(frame)
        this.cache = this.index = 0
        if this.flags.value & PAGE_UP_TO_DATE:
            this.flags.store(0)
        put_page(frame)
