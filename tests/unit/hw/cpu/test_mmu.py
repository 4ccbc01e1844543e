"""Loads and stores of instructions, as plain Python: through the TLB or not, the same."""

import pytest

from hw.cpu.control import Left
from hw.cpu.mmu import (
    host_address_for_read,
    host_address_for_write,
    load,
    load_for_update,
    load_wide,
    store,
    store_wide,
)
from hw.cpu.state import CpuState
from hw.spec.layout import DIRECT_MAP
from tests.differential.guest import DATA_FRAMES, Guest
from tests.differential.host import DATA, DATA_SIZE

BYTES = bytes(n * 5 & 0xFF for n in range(DATA_SIZE))


@pytest.fixture
def s(guest: Guest) -> CpuState:
    """A core's state, with nothing in its TLB."""
    guest.core.flush_tlb()
    guest.core.state.fault = 0
    guest.put_data(BYTES)
    return guest.core.state


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_the_second_access_is_as_the_first(s: CpuState, guest: Guest, bits: int):
    size = bits // 8
    for offset in (0, 1, 4095, 4096 - size, 5000):
        want = int.from_bytes(BYTES[offset : offset + size], "little")
        for _ in ("walks", "is in the TLB"):
            assert load(s, DATA + offset, bits) == load_for_update(s, DATA + offset, bits) == want
            store(s, DATA + offset, bits, want ^ 1)
            assert guest.data()[offset] == BYTES[offset] ^ 1
            store(s, DATA + offset, bits, want)
    assert guest.data() == BYTES


def test_sixteen_bytes(s: CpuState, guest: Guest):
    for offset in (0, 3, 4080, 4090):
        value = load_wide(s, DATA + offset)
        assert value.to_bytes(16, "little") == BYTES[offset : offset + 16]
        store_wide(s, DATA + offset, ~value & (1 << 128) - 1)
        assert guest.data()[offset + 15] == BYTES[offset + 15] ^ 0xFF
        store_wide(s, DATA + offset, value)


def test_host_addresses_are_those_of_the_frame(s: CpuState):
    for address_of in (host_address_for_read, host_address_for_write):
        for _ in ("walks", "is in the TLB"):
            assert address_of(s, DATA + 77) == DIRECT_MAP + DATA_FRAMES + 77


@pytest.mark.parametrize("access", [load, load_for_update])
def test_an_access_to_nothing_ends_the_instruction(s: CpuState, access):
    with pytest.raises(Left):
        access(s, 0x5000, 64)
    assert (s.fault, s.cr2) == (1, 0x5000)
    s.fault = 0
    with pytest.raises(Left):
        store(s, 0x5008, 64, 1)
    assert s.cr2 == 0x5008
