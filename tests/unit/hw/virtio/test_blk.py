"""Block requests against a bytearray, and requests that must fail without doing anything."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw import ram
from hw.spec.memory_map import MIB
from hw.spec.virtio import (
    BLK_S_IOERR,
    BLK_S_OK,
    BLK_S_UNSUPP,
    BLK_T_DISCARD,
    BLK_T_FLUSH,
    BLK_T_GET_ID,
    BLK_T_IN,
    BLK_T_OUT,
    BLK_T_WRITE_ZEROES,
    BlkRange,
    BlkRequest,
)
from hw.virtio import blk
from hw.virtio.memory import DriverError, MachineMemory
from hw.virtio.queue import Chain, Segment, gather

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H7")]
HEADER, DATA, STATUS = 12 * MIB, 12 * MIB + 4096, 12 * MIB + 512
SECTORS = 16


class Store:
    """An image in memory that notes what was asked of it."""

    def __init__(self, *, read_only: bool = False) -> None:
        self.data = bytearray(range(256)) * (2 * SECTORS)
        self.disk = blk.Disk(SECTORS, read_only, "SERIAL")
        self.asked: list[blk.Operation] = []
        self.works = True

    def perform(self, operation: blk.Operation) -> bool:
        """Do an operation on the bytes."""
        self.asked.append(operation)
        if not self.works:
            return False
        memory = MachineMemory()
        match operation:
            case blk.Read(offset, segments):
                for addr, size in segments:
                    ram.write(addr, bytes(self.data[offset : offset + size]))
                    offset += size
            case blk.Write(offset, segments):
                data = gather(memory, segments, 1 << 30)
                self.data[offset : offset + len(data)] = data
            case blk.Zero(offset, size):
                self.data[offset : offset + size] = bytes(size)
        return True

    def request(
        self, kind: int, sector: int, out: Sequence[Segment] = (), into: Sequence[Segment] = ()
    ) -> tuple[int, int]:
        """Return status byte and bytes written."""
        ram.write(HEADER, bytes(BlkRequest(kind, 0, sector)))
        ram.write(STATUS, b"\xee")
        chain = Chain(0, ((HEADER, 16), *out), (*into, (STATUS, 1)))
        steps = blk.serve(self.disk, MachineMemory(), chain)
        try:
            operation = next(steps)
            while True:
                operation = steps.send(self.perform(operation))
        except StopIteration as end:
            return ram.read(STATUS, 1)[0], end.value


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BLK_T_IN, BLK_T_OUT]),
            st.integers(0, SECTORS + 2),
            st.integers(0, 4),
            st.integers(0, 255),
        ),
        max_size=12,
    )
)
def test_reads_and_writes_behave_like_bytes(steps: list[tuple[int, int, int, int]]):
    store = Store()
    model = bytearray(store.data)
    for kind, sector, count, fill in steps:
        size = 512 * count
        segments = [(DATA, size // 2), (DATA + 4096, size - size // 2)]
        fits = sector + count <= SECTORS
        if kind == BLK_T_OUT:
            ram.write(DATA, bytes([fill]) * (size // 2))
            ram.write(DATA + 4096, bytes([fill]) * (size - size // 2))
            assert store.request(kind, sector, out=segments) == (0 if fits else BLK_S_IOERR, 1)
            if fits:
                model[512 * sector : 512 * sector + size] = bytes([fill]) * size
        else:
            expected = (BLK_S_OK, size + 1) if fits else (BLK_S_IOERR, 1)
            assert store.request(kind, sector, into=segments) == expected
            if fits:
                got = ram.read(DATA, size // 2) + ram.read(DATA + 4096, size - size // 2)
                assert got == model[512 * sector : 512 * sector + size]
        assert store.data == model


@pytest.mark.parametrize("kind", [BLK_T_IN, BLK_T_OUT])
@pytest.mark.parametrize("sector", [SECTORS, SECTORS - 1, (1 << 64) - 1])
def test_out_of_range_is_an_error_and_does_nothing(kind: int, sector: int):
    store = Store()
    assert store.request(kind, sector, out=[(DATA, 1024)], into=[(DATA, 1024)])[0] == BLK_S_IOERR
    assert not store.asked


def test_part_of_a_sector_is_an_error():
    store = Store()
    assert store.request(BLK_T_OUT, 0, out=[(DATA, 100)])[0] == BLK_S_IOERR
    assert not store.asked


def test_error_of_the_host_is_an_error_of_the_disk():
    store = Store()
    store.works = False
    for kind in (BLK_T_IN, BLK_T_FLUSH):
        assert store.request(kind, 0, into=[(DATA, 512)])[0] == BLK_S_IOERR


def test_flush_and_serial():
    store = Store()
    assert store.request(BLK_T_FLUSH, 0) == (BLK_S_OK, 1)
    assert store.asked == [blk.Flush()]
    assert store.request(BLK_T_GET_ID, 0, into=[(DATA, 20)]) == (BLK_S_OK, 21)
    assert ram.read(DATA, 20) == b"SERIAL".ljust(20, b"\0")


@pytest.mark.parametrize("kind", [BLK_T_DISCARD, BLK_T_WRITE_ZEROES])
def test_ranges_are_zeroed(kind: int):
    store = Store()
    ram.write(DATA, bytes(BlkRange(1, 2, 0)) + bytes(BlkRange(8, 1, 0)))
    assert store.request(kind, 0, out=[(DATA, 32)]) == (BLK_S_OK, 1)
    assert store.asked == [blk.Zero(512, 1024), blk.Zero(4096, 512)]
    assert store.data[512:1536] == bytes(1024)
    assert any(store.data[1536:4096])


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (bytes(BlkRange(SECTORS, 1, 0)), BLK_S_IOERR),
        (bytes(BlkRange(0, 1, 0)) + bytes(BlkRange(0, 1 << 31, 0)), BLK_S_IOERR),
        (bytes(BlkRange(0, 1, 6)), BLK_S_UNSUPP),
        (b"123", BLK_S_IOERR),
        (bytes(16 * 17), BLK_S_IOERR),
    ],
)
def test_bad_ranges_do_nothing(data: bytes, status: int):
    store = Store()
    ram.write(DATA, data)
    assert store.request(BLK_T_DISCARD, 0, out=[(DATA, len(data))])[0] == status
    assert not store.asked


def test_read_only_disk():
    store = Store(read_only=True)
    for kind in (BLK_T_OUT, BLK_T_DISCARD, BLK_T_WRITE_ZEROES):
        assert store.request(kind, 0, out=[(DATA, 512)])[0] == BLK_S_IOERR
    assert not store.asked
    assert store.request(BLK_T_IN, 0, into=[(DATA, 512)])[0] == BLK_S_OK


def test_unknown_request():
    assert Store().request(99, 0)[0] == BLK_S_UNSUPP


def test_request_without_header_or_status_breaks_the_rules():
    disk = Store().disk
    for chain in (
        Chain(0, ((HEADER, 8),), ((STATUS, 1),)),
        Chain(0, ((HEADER, 16),), ()),
        Chain(0, ((HEADER, 16),), ((STATUS, 0),)),
    ):
        with pytest.raises(DriverError):
            next(blk.serve(disk, MachineMemory(), chain))
