"""Copies between user memory and the kernel: page by page, native, up to the first fault.

State: page tables and frames in RAM. Locks: none. Context: any; never sleeps.
"""

from typing import Final

from hw.cpu.legacy_walk import in_ram
from hw.cpu.memory_primitives import full_fence, host_load, host_store
from hw.cpu.page_rules import RULE_NX, RULE_WP
from hw.cpu.primitives import u64
from hw.cpu.subset import noinline
from hw.cpu.tlb import code_written
from hw.cpu.walker import WALK_FAULT, walk
from hw.ram import FRAME_FLAGS, FRAME_HAS_CODE
from hw.spec.layout import DIRECT_MAP
from hw.spec.paging import ACCESS_USER, ACCESS_WRITE

#: Addresses of user halves end here; the kernel copies nothing beyond.
_USER_END: Final = 1 << 47


@noinline
def copy_pages(cr3: int, address: int, buffer: int, size: int, write: int) -> int:
    """Copy between user memory and a host buffer; bytes done before the first fault."""
    done = 0
    while done < size:
        here = u64(address + done)
        if here >= _USER_END:
            return done
        access = ACCESS_USER | (ACCESS_WRITE if write != 0 else 0)
        found = walk(cr3, here, access, RULE_NX | RULE_WP)
        frame = found & ~0xFFF
        if found & WALK_FAULT != 0 or not in_ram(frame):
            return done
        room = 4096 - (here & 0xFFF)
        count = room if room < size - done else size - done
        host = DIRECT_MAP + frame + (here & 0xFFF)
        if write != 0:
            _copy_bytes(host, buffer + done, count)
            full_fence()  # bytes before flags: whoever decodes sets the flag, then reads the bytes
            if host_load(FRAME_FLAGS + (frame >> 12), 8) & FRAME_HAS_CODE != 0:
                code_written(frame)
        else:
            _copy_bytes(buffer + done, host, count)
        done += count
    return done


@noinline
def _copy_bytes(target: int, source: int, count: int) -> None:
    """Copy within the host; words where both are aligned alike, so that none is torn."""
    done = 0
    if (target ^ source) & 7 == 0:
        while done < count and (target + done) & 7 != 0:
            host_store(target + done, 8, host_load(source + done, 8))
            done += 1
        while done + 8 <= count:
            host_store(target + done, 64, host_load(source + done, 64))
            done += 8
    else:
        while done + 8 <= count:
            host_store(target + done, 64, host_load(source + done, 64))
            done += 8
    while done < count:
        host_store(target + done, 8, host_load(source + done, 8))
        done += 1
