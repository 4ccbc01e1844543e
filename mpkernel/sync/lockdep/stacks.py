"""Stacks as ids: a stack is a record of sites, a site is "file:line function".

State: the ledger. Locks: none. Context: any.
"""

import sys
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from mpkernel.sync.lockdep import records

if TYPE_CHECKING:
    from types import FrameType

#: Frames kept of a stack.
_MOST_FRAMES: Final = 32
_HERE: Final = str(Path(__file__).parent)
_ROOT: Final = str(Path(__file__).parents[3]) + "/"
#: Where Python keeps what it runs, other than this package: of no interest here.
_LIBRARIES: Final = sys.prefix
_PACKAGES: Final = (f"{_ROOT}mpkernel/", f"{_ROOT}hw/")


def capture() -> int:
    """Id of the caller's stack, without the validator's own frames; 0 if memory is used up."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the way to walk frames
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    sites: list[str] = []
    while frame is not None and len(sites) < _MOST_FRAMES:
        code = frame.f_code
        file = code.co_filename
        if file.startswith(_PACKAGES) or not file.startswith((_LIBRARIES, "<")):
            sites.append(f"{file.removeprefix(_ROOT)}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    ids = [records.put(records.SITE, site.encode())[0] for site in sites]
    return records.put(records.STACK, Struct(f"<{len(ids)}Q").pack(*ids))[0]


def lines(stack: int) -> list[str]:
    """The sites of a stack, innermost first."""
    if not stack:
        return []
    data = records.content(stack)
    ids = Struct(f"<{len(data) // 8}Q").unpack(data)
    return [records.content(site).decode("utf-8", "replace") for site in ids if site]
