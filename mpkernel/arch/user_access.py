"""User memory as the kernel reaches it: native copies that stop at the first page that refuses.

Nothing sleeps and no page is brought in: mm.user_memory does that. While other CPUs may take pages
of the space away, each copy is announced (tlb_shootdown.begin_copy), in pieces, so that nobody who
takes pages away waits for long.

State: user frames. Locks: none. Context: any.
"""

from typing import Final

from hw.cpu import user_copy
from mpkernel.arch import tlb_shootdown
from mpkernel.arch.tlb_shootdown import TlbSpace

#: Most bytes copied in one announced piece.
PIECE: Final = 1 << 16


def copy_in(space: int, address: int, size: int, *, is_shared: bool) -> bytes:
    """Read user memory; shorter than ``size`` if a page refused.

    ``is_shared``: other tasks use the space too.
    """
    root = TlbSpace.at(space).root
    if not is_shared:
        return user_copy.copy_in(root, address, size)
    pieces = []
    for done in range(0, size, PIECE):
        want = min(PIECE, size - done)
        tlb_shootdown.begin_copy(space)
        piece = user_copy.copy_in(root, address + done, want)
        tlb_shootdown.end_copy()
        pieces.append(piece)
        if len(piece) < want:
            break
    return b"".join(pieces)


def copy_out(space: int, address: int, data: bytes, *, is_shared: bool) -> int:
    """Write user memory; bytes done."""
    root = TlbSpace.at(space).root
    if not is_shared:
        return user_copy.copy_out(root, address, data)
    done = 0
    while done < len(data):
        piece = data[done : done + PIECE]
        tlb_shootdown.begin_copy(space)
        count = user_copy.copy_out(root, address + done, piece)
        tlb_shootdown.end_copy()
        done += count
        if count < len(piece):
            break
    return done
