"""Where the pages of a file come from: the seam below which a file system stands.

State: none; the table is filled by boot.wiring. Context: read_page is for tasks and sleeps.
"""

from typing import Final, Protocol

from mpkernel.seam import Seam

#: Pages begin as zeros and have no other home: tmpfs.
SOURCE_NONE: Final = 1
SOURCE_EXT2: Final = 2
#: Memory shared between processes (mm.shared_memory); begins as zeros.
SOURCE_SHARED_MEMORY: Final = 3


class PageSource(Protocol):
    """What a page cache asks of the owner of its file."""

    async def read_page(self, owner: int, index: int, frame: int) -> None:
        """Fill all of ``frame`` with page ``index``; zeros beyond the end of the file.

        Raises:
            SysError: EIO.
        """

    def hold(self, owner: int) -> None:
        """One more user of the owner (a mapping). There is one already."""

    def drop(self, owner: int) -> None:
        """One user less; the last one may free the owner and its cache."""


PAGE_SOURCES: Final = Seam[PageSource]("page source")
