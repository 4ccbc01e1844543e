"""Page: what the kernel knows of one frame. A frame is in use while it has references.

References are held by page tables (one an entry), by the page cache (one), by slabs and page tables
of the kernel (one), and by whoever works on the frame at the moment.

State: RAM. Locks: none for references and flags; the cache's lock for ``cache`` and ``index``.
Context: any.
"""

from typing import Annotated, Final

from hw.spec.address import PAGE_SHIFT
from hw.spec.layout import Layout, guarded_by, layout, u64
from mpkernel.arch.atomics import AtomicU32
from mpkernel.mm import zone
from mpkernel.sync.refcount import Refcount

#: The page holds what its source says; whoever sees the bit may read the bytes.
PAGE_UP_TO_DATE: Final = 1 << 0
#: One task brings the page in; the others wait.
PAGE_READING: Final = 1 << 1


@layout(size=zone.DESCRIPTOR_BYTES)
class Page(Layout):
    """A frame's descriptor."""

    references: Refcount
    flags: AtomicU32  #: PAGE_*
    cache: Annotated[u64, guarded_by("PageCache.lock")]  #: PageCache that holds it, 0 for none
    index: Annotated[u64, guarded_by("PageCache.lock")]  #: page of the file
    reserved_0x018: u64

    @classmethod
    def of(cls, frame: int) -> "Page":
        """The descriptor of a frame."""
        return cls.at(zone.ZONE.descriptors + (frame >> PAGE_SHIFT) * zone.DESCRIPTOR_BYTES)


def get_page(frame: int) -> None:
    """One more reference to a frame. The caller has one, or the lock of who has."""
    Page.of(frame).references.get()


def put_page(frame: int) -> None:
    """One reference less; the last one frees the frame."""
    if Page.of(frame).references.put():
        zone.give(frame)
