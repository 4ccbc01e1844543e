"""The kernel's own allocator, and its disk driver against the board's own device, over schedules.

No copy of their code: the modules that boot. Other cores come between any two accesses, interrupts
at every safepoint.
"""

import pytest

from tests.support.watched import EXPLORER, watched

#: Memory for the kernel to manage, for all scenarios here.
_MEMORY = """
import ctypes
from typing import Annotated, Any
from hw.spec.layout import Layout, layout
from mpkernel.mm import frames

PAGES = 96

@layout()
class Room(Layout):
    pages: Annotated[Any, ctypes.c_uint8 * (4096 * PAGES)]

def memory(k):
    room = k.place(Room).phys
    frames.init([(room, room + Room.SIZE)])
"""

#: A task, an interrupt at each of its safepoints, and another core allocate, use and free.
ALLOCATOR = f"""{_MEMORY}
from mpkernel.mm.slab import SlabCache

OBJECTS = SlabCache("model", 1024)

def setup(k):
    memory(k)
    return frames.free_count()

def use(k, s):
    held = [OBJECTS.alloc() for _ in range(3)]
    pages = [frames.alloc_frame() for _ in range(2)]
    assert len(set(held)) == 3 and len(set(pages)) == 2
    for one in held:
        OBJECTS.free(one)
    for one in pages:
        frames.free_frame(one)

core0 = core1 = irq0 = irq1 = use

def check(k, s):
    assert OBJECTS.in_use == 0
    assert frames.free_count() + OBJECTS.total // OBJECTS.per_slab == s
"""

#: What goes wrong where an allocator's lock lets interrupts in.
LETS_IN = """
from mpkernel.sync.spinlock import Spinlock
Spinlock.irqsave = lambda self: self
"""

#: Two tasks read from a disk; its device looks by itself, and completes at once.
DISK = f"""{_MEMORY}
from types import SimpleNamespace
from hw.spec.virtio import BLK_S_OK, USED_F_NO_NOTIFY
from hw.virtio.memory import MachineMemory
from hw.virtio.queue import Queue
from hw.virtio.state import QueueState
from mpkernel.block.device import READ, BlockDevice
from mpkernel.drivers.virtio import blk
from mpkernel.drivers.virtio.queue import SIZE, Virtqueue, zero_frames
from mpkernel.sync import ranks

READS = 2

def setup(k):
    memory(k)
    queue = Virtqueue.create(0, 0, 0)
    queue.used_flags = USED_F_NO_NOTIFY
    queue.buffers = zero_frames(SIZE * blk.BlkSlot.SIZE >> 12)
    for number in range(SIZE):
        slot = blk.BlkSlot.at(queue.buffers + blk.BlkSlot.SIZE * number)
        slot.waiter.init(ranks.REQUEST_DONE)
    disk, device = k.place(blk.BlkDisk), k.place(BlockDevice)
    disk.queues[0], disk.queue_count, device.driver_data = queue.phys, 1, disk.phys
    state = QueueState()
    state.enable, state.size, state.desc = 1, SIZE, queue.desc_address
    state.driver, state.device = queue.avail_address, queue.used_address
    return SimpleNamespace(
        queue=queue, device=device, state=state,
        buffers=[frames.alloc_zeroed_frame() for _ in range(READS)],
    )

async def read(k, s, number):
    await blk.VIRTIO_BLK.transfer(s.device, READ, 8 * number, [(s.buffers[number], 512)])

async def core0(k, s):
    await read(k, s, 0)

async def core1(k, s):
    await read(k, s, 1)

def core2(k, s):
    ring, memory = Queue(s.state, MachineMemory()), MachineMemory()
    done = 0
    while done < READS:
        chain = ring.take()
        if chain is None:
            k.relax()
            continue
        (data, status) = chain.writable
        memory.write(data[0], b"x" * data[1])
        memory.write(status[0], bytes([BLK_S_OK]))
        if ring.give(chain, data[1] + 1):
            k.ipi(0)
        done += 1

def ipi0(k, s):
    blk.on_interrupt(s.queue.phys)

def check(k, s):
    assert s.queue.free_count == SIZE
    assert all(MachineMemory().read(one, 512) == b"x" * 512 for one in s.buffers)
"""

#: What goes wrong where a handler takes one completion an interrupt: two interrupts may be one.
TAKES_ONE = """
def ipi0(k, s):
    with s.queue.lock.irqsave():
        head, _ = s.queue.take_used_locked()
        slot = blk.BlkSlot.at(s.queue.buffers + blk.BlkSlot.SIZE * head)
        slot.is_done = 1
        slot.waiter.wake_all()
"""


def explored(text: str, schedules: int, strategy: str = "random") -> str:
    """The finding, None if there is none."""
    code = f"""{EXPLORER}
result = explore({text!r}, {strategy!r}, {schedules})
print(result.finding and result.finding.failure)
"""
    return watched(code).strip()


@pytest.mark.feature("FIX-6")
def test_an_interrupt_in_the_allocator_allocates_safely():
    assert explored(ALLOCATOR, 150) == "None"


def test_and_without_the_lock_that_keeps_it_out_it_is_found():
    assert "slab is taken in interrupts" in explored(ALLOCATOR + LETS_IN, 150)


@pytest.mark.feature("FIX-7")
@pytest.mark.parametrize("strategy", ["random", "pct"])
def test_no_completion_is_lost_however_quick_the_device_is(strategy: str):
    assert explored(DISK, 150, strategy) == "None"


def test_and_with_a_handler_that_takes_one_of_two_it_is_found():
    assert "deadlock: " in explored(DISK + TAKES_ONE, 150, "pct")
