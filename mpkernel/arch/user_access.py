"""User memory as the kernel reaches it: native copies that stop at the first page that refuses.

Nothing sleeps and no page is brought in: mm.user_memory does that. Each copy is announced
(tlb_shootdown.begin_copy), because another task of the space may take pages away at the same time;
in pieces, so that whoever does so never waits for long.

State: user frames. Locks: none. Context: any.
"""

from typing import Final

from hw.cpu import user_copy
from mpkernel.arch import tlb_shootdown
from mpkernel.arch.tlb_shootdown import TlbSpace

#: Most bytes copied in one announced piece.
PIECE: Final = 1 << 16


def copy_in(space: int, address: int, size: int) -> bytes:
    """Read user memory; shorter than ``size`` if a page refused."""
    root = TlbSpace.at(space).root
    pieces = []
    for done in range(0, size, PIECE):
        want = min(PIECE, size - done)
        tlb_shootdown.begin_copy(space)
        piece = user_copy.copy_in(root, address + done, want)
        tlb_shootdown.end_copy()
        if want == size:
            return piece
        pieces.append(piece)
        if len(piece) < want:
            break
    return b"".join(pieces)


def copy_out(space: int, address: int, data: bytes) -> int:
    """Write user memory; bytes done."""
    root = TlbSpace.at(space).root
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
