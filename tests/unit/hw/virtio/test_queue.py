"""The device's side of a split queue, with honest and with hostile drivers."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw import ram
from hw.spec.memory_map import LOW_RAM_LIMIT, MIB, PCI_WINDOW_BASE
from hw.spec.virtio import (
    AVAIL_F_NO_INTERRUPT,
    DESC_F_INDIRECT,
    DESC_F_NEXT,
    DESC_F_WRITE,
    TYPE_RNG,
    VirtqDesc,
)
from hw.virtio.memory import DriverError, MachineMemory
from hw.virtio.queue import Queue, cut, gather, scatter, size_of
from hw.virtio.state import QUEUES
from tests.support.bare_driver import Driver, find

pytestmark = pytest.mark.usefixtures("board")
BUFFER = 12 * MIB


@pytest.fixture
def rig() -> tuple[Driver, Queue]:
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)
    driver.start()
    return driver, Queue(QUEUES[driver.slot][0], MachineMemory())


def set_descriptor(driver: Driver, index: int, desc: VirtqDesc) -> None:
    ram.write(driver.ring(0)[0] + 16 * index, bytes(desc))


def test_chain_has_what_the_device_reads_then_writes(rig: tuple[Driver, Queue]):
    driver, queue = rig
    assert queue.take() is None
    driver.make_available(0, [(BUFFER, 5), (BUFFER + 8, 7)], [(BUFFER + 16, 9)])
    assert queue.waiting() == 1
    chain = queue.take()
    assert chain is not None
    assert chain.readable == ((BUFFER, 5), (BUFFER + 8, 7))
    assert chain.writable == ((BUFFER + 16, 9),)
    assert queue.take() is None
    assert driver.done(0) is None
    assert queue.give(chain, 9)
    assert driver.done(0) == 9


@pytest.mark.feature("H5")
def test_indices_wrap_at_16_bits(rig: tuple[Driver, Queue]):
    driver, queue = rig
    for turn in range(65_536 // 4 + 100):
        for first in range(4):
            driver.make_available(0, [(BUFFER, turn % 100 + 1)], [], first=first)
        for first in range(4):
            chain = queue.take()
            assert chain is not None
            assert chain.head == first
            queue.give(chain, first)
        for first in range(4):
            assert driver.done(0) == first


def test_driver_can_do_without_interrupts(rig: tuple[Driver, Queue]):
    driver, queue = rig
    driver.make_available(0, [(BUFFER, 1)], [])
    ram.write(driver.ring(0)[1], AVAIL_F_NO_INTERRUPT.to_bytes(2, "little"))
    chain = queue.take()
    assert chain is not None
    assert not queue.give(chain, 0)


def test_indirect_table(rig: tuple[Driver, Queue]):
    driver, queue = rig
    table = BUFFER + 4096
    for index, (size, flags) in enumerate([(3, DESC_F_NEXT), (4, DESC_F_WRITE)]):
        ram.write(table + 16 * index, bytes(VirtqDesc(BUFFER + 16 * index, size, flags, index + 1)))
    driver.make_available(0, [(table, 32)], [])
    set_descriptor(driver, 0, VirtqDesc(table, 32, DESC_F_INDIRECT, 0))
    chain = queue.take()
    assert chain is not None
    assert chain.readable == ((BUFFER, 3),)
    assert chain.writable == ((BUFFER + 16, 4),)


@pytest.mark.parametrize(
    "descriptors",
    [
        [VirtqDesc(BUFFER, 1, DESC_F_NEXT, 0)],
        [VirtqDesc(BUFFER, 1, DESC_F_NEXT, 99)],
        [VirtqDesc(BUFFER, 1, DESC_F_WRITE | DESC_F_NEXT, 1), VirtqDesc(BUFFER, 1, 0, 0)],
        [VirtqDesc(BUFFER, 17, DESC_F_INDIRECT, 0)],
        [VirtqDesc(BUFFER, 0, DESC_F_INDIRECT, 0)],
        [VirtqDesc(BUFFER, 16, DESC_F_INDIRECT | DESC_F_NEXT, 1)],
        [VirtqDesc(1 << 60, 16, DESC_F_INDIRECT, 0)],
    ],
)
def test_hostile_chain_is_refused(rig: tuple[Driver, Queue], descriptors: list[VirtqDesc]):
    driver, queue = rig
    driver.make_available(0, [(BUFFER, 1)], [])
    for index, desc in enumerate(descriptors):
        set_descriptor(driver, index, desc)
    with pytest.raises(DriverError):
        queue.take()


@pytest.mark.feature("H5")
def test_more_chains_than_the_ring_has(rig: tuple[Driver, Queue]):
    driver, queue = rig
    ram.write(driver.ring(0)[1] + 2, (17).to_bytes(2, "little"))
    with pytest.raises(DriverError, match="17 chains"):
        queue.take()


@pytest.mark.parametrize("address", [1 << 40, 32 * MIB - 1, LOW_RAM_LIMIT])
def test_no_memory_there(address: int):
    memory = MachineMemory()
    with pytest.raises(DriverError):
        memory.read(address, 2)
    with pytest.raises(DriverError):
        memory.write(address, b"xx")
    with pytest.raises(DriverError):
        memory.views(address, 2)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(min_size=256, max_size=256), st.integers(0, 65535), st.integers(0, 20))
def test_any_bytes_as_rings_end_in_a_chain_or_an_error(table: bytes, head: int, idx: int):
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, 10 * MIB)
    driver.map_bars()
    state = QUEUES[driver.slot][0]
    desc, avail, used = driver.ring(0)
    state.desc, state.driver, state.device = desc, avail, used
    state.size, state.enable, state.next_avail = 16, 1, 0
    ram.write(desc, table)
    ram.write(avail, (0).to_bytes(2, "little") + idx.to_bytes(2, "little"))
    ram.write(avail + 4, head.to_bytes(2, "little") * 16)
    try:
        chain = Queue(state, MachineMemory()).take()
    except DriverError:
        return
    assert (chain is None) == (idx == 0)
    if chain:
        assert len(chain.readable) + len(chain.writable) <= 32


SEGMENTS = st.lists(st.integers(0, 20), max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEGMENTS, st.integers(0, 60), st.integers(0, 60), st.binary(max_size=100))
def test_segments_are_one_run_of_bytes(sizes: list[int], start: int, size: int, data: bytes):
    memory = MachineMemory()
    segments = tuple((BUFFER + 64 * index, length) for index, length in enumerate(sizes))
    total = size_of(segments)
    assert total == sum(sizes)
    ram.zero(BUFFER, 1024)
    assert scatter(memory, segments, data) == min(len(data), total)
    whole = data[:total].ljust(total, b"\0")
    assert gather(memory, segments, 1 << 20) == whole
    assert gather(memory, segments, size) == whole[:size]
    assert gather(memory, cut(segments, start, size), 1 << 20) == whole[start : start + size]
