"""The kernel's own structures, two cores at once: nothing is lost, and no data race.

Each access to them is a step of the schedule, bulk copies and arrays included.
"""

import pytest

from tests.support.watched import EXPLORER, watched

#: Memory for frames, as the kernel has it when it boots.
HEAD = """
import ctypes
from typing import Annotated, Any
from hw.spec.layout import Layout, layout
from mpkernel.arch import memory, remote_call
from mpkernel.arch.atomics import AtomicU64
from mpkernel.fs import pipe, poll
from mpkernel.mm import frames, slab
from mpkernel.sched.timer import now_ns

@layout(size=1 << 20)
class Room(Layout):
    bytes: Annotated[Any, ctypes.c_uint8 * (1 << 20)]

def some_frames(k):
    room = k.place(Room).phys
    frames.init([(room, room + Room.SIZE)])
    return frames.free_count()
"""
STRUCTURES = {
    "frames": """
def setup(k): return some_frames(k)
def core0(k, s):
    mine = [frames.alloc_frame() for _ in range(18)]
    for frame in mine:
        memory.write(frame, bytes([1 + k.core]) * 16)
    for frame in mine:
        assert memory.read(frame, 16) == bytes([1 + k.core]) * 16
        frames.free_frame(frame)
core1 = core0
def check(k, s): assert frames.free_count() == s
""",
    "slab": """
CACHE = slab.cache("scenario", AtomicU64)
def setup(k):
    some_frames(k)
def core0(k, s):
    mine = [AtomicU64.at(CACHE.alloc()) for _ in range(3)]
    for number, one in enumerate(mine):
        one.store(10 * k.core + number)
    for number, one in enumerate(mine):
        assert one.load() == 10 * k.core + number
        CACHE.free(one.phys)
core1 = core0
def check(k, s): assert CACHE.in_use == 0
""",
    "allocation in an interrupt": """
CACHE = slab.cache("scenario", AtomicU64)
def setup(k): return some_frames(k), k.spinlock("between")
def use_both(k, s):
    for _ in range(3):
        frame, one = frames.alloc_frame(), AtomicU64.at(CACHE.alloc())
        memory.write(frame, bytes(16))
        one.store(1)
        with s[1].irqsave():
            pass
        assert one.load() == 1 and memory.read(frame, 16) == bytes(16)
        CACHE.free(one.phys)
        frames.free_frame(frame)
core0 = irq0 = core1 = irq1 = use_both
def check(k, s):
    slabs = -(-CACHE.total // CACHE.per_slab) * CACHE.slab_frames
    assert CACHE.in_use == 0 and frames.free_count() + slabs == s[0]
""",
    "pipe": """
def setup(k):
    some_frames(k)
    poll.init()
    return pipe.new_pipe()
async def core0(k, s):
    assert await pipe.write(s, b"one ", can_wait=True) == 4
    assert await pipe.write(s, b"and another", can_wait=True) == 11
    pipe.release_end(s, is_writer=True)
async def core1(k, s):
    whole = b""
    while data := await pipe.read(s, 9, can_wait=True):
        whole += data
    assert whole == b"one and another"
    pipe.release_end(s, is_writer=False)
def check(k, s): assert pipe.PIPES.in_use == 0
""",
    "full pipe": """
def setup(k):
    some_frames(k)
    poll.init()
    s = pipe.new_pipe()
    s.written = pipe.CAPACITY - 4
    for slot in range(pipe.RING_FRAMES):
        s.frames[slot] = frames.alloc_frame()
    return s
async def core0(k, s):
    assert await pipe.write(s, b"no room yet", can_wait=True) == 11
async def core1(k, s):
    taken = 0
    while taken < 8:
        taken += len(await pipe.read(s, 4, can_wait=True))
def check(k, s): assert s.written == pipe.CAPACITY + 7
""",
    "timed wait": """
def setup(k): return k.wait_queue(), k.word()
async def core0(k, s):
    ready = await s[0].wait_until(s[1].load, deadline_ns=now_ns() + 60_000)
    assert ready or now_ns() >= 60_000
def core1(k, s):
    for _ in range(8):
        k.safepoint()
    s[1].store(1)
    s[0].wake_all()
""",
    "remote call": """
FUNCTION = 97
if FUNCTION not in remote_call.FUNCTIONS:
    remote_call.FUNCTIONS.add(FUNCTION, lambda address: AtomicU64.at(address).add(1))
def setup(k): return k.word(), k.word()
def core0(k, s):
    remote_call.call(1, FUNCTION, s[0].phys, wait=True)
    assert s[0].load() >= 1
    remote_call.call(1, FUNCTION, s[0].phys, wait=False)
def core1(k, s):
    remote_call.call(0, FUNCTION, s[1].phys, wait=True)
    assert s[1].load() == 1
def ipi0(k, s): pass
ipi1 = ipi0
def check(k, s): assert (s[0].value, s[1].value) == (2, 1)
""",
}
CODE = f"""{EXPLORER}
for text in {list(STRUCTURES.values())!r}:
    failures = []
    for strategy in "random", "pct":
        found = explore({HEAD!r} + text, strategy, int(sys.argv[1]), racecheck=True).finding
        if found:
            failures.append(found.text("structure"))
    print(failures)
"""


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return dict(zip(STRUCTURES, watched(CODE, "20").splitlines(), strict=True))


@pytest.mark.parametrize("name", STRUCTURES)
def test_no_schedule_fails_and_nothing_races(name: str, found: dict[str, str]):
    assert found[name] == "[]"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_thousand_schedules_of_each():
    assert set(watched(CODE, "1000", seconds=1700).splitlines()) == {"[]"}
