"""Copies between user memory and the kernel, and translation, as Python calls them.

Each copy stops at the first page that refuses and says how many bytes were done; nothing sleeps
and no page is brought in: that is the kernel's part. Permissions are those of user accesses,
read-only pages refuse writes.

State: page tables and frames in RAM. Locks: none. Context: any; ``threaded.load`` was called.
"""

import ctypes
from typing import Final

from hw.cpu import threaded
from hw.cpu.page_rules import RULE_NX, RULE_WP
from hw.spec.paging import ACCESS_USER, ACCESS_WRITE

#: Set in the result of ``translate`` for a fault; the rest is the page fault's error code.
FAULT: Final = 1 << 63


def copy_in(cr3: int, address: int, size: int) -> bytes:
    """Read user memory; shorter than ``size`` if a page refused."""
    buffer = ctypes.create_string_buffer(size)
    at = ctypes.addressof(buffer)
    done: int = threaded.load().copy_pages(cr3, address, at, size, 0)
    return buffer.raw if done == size else buffer.raw[:done]


def copy_out(cr3: int, address: int, data: bytes) -> int:
    """Write user memory; bytes done."""
    at = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    done: int = threaded.load().copy_pages(cr3, address, at, len(data), 1)
    return done


def translate(cr3: int, address: int, access: int = ACCESS_USER) -> int:
    """Physical address of a byte for an access (ACCESS_*), or FAULT | error code.

    Sets accessed and dirty bits as the access would.
    """
    found: int = threaded.load().walk(cr3, address, access, RULE_NX | RULE_WP)
    if found & FAULT:
        return FAULT | (found & 0xFFFF)
    return (found & ~0xFFF) | (address & 0xFFF)


def is_writable(cr3: int, address: int) -> bool:
    """Whether user code may write a byte now."""
    return not translate(cr3, address, ACCESS_USER | ACCESS_WRITE) & FAULT
