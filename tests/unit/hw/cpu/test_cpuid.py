"""CPUID: what is claimed, and where."""

import pytest

from hw.cpu import cpuid
from hw.cpu.exits import Syscall
from hw.cpu.state import CORES
from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA
from tests.support.board import powered_board


@pytest.mark.usefixtures("guest")
def test_vendor_and_brand():
    _, b, c, d = cpuid.leaf(0, 0, 0)
    assert b"".join(r.to_bytes(4, "little") for r in (b, d, c)) == b"AuthenticAMD"
    words = [w for n in (2, 3, 4) for w in cpuid.leaf(0x8000_0000 + n, 0, 0)]
    brand = b"".join(w.to_bytes(4, "little") for w in words)
    assert brand.rstrip(b"\0") == b"mpkernel process core"


@pytest.mark.usefixtures("guest")
def test_every_feature_has_its_bit_and_no_other_bit_is_set():
    claimed = {place for places in cpuid.FEATURES.values() for place in places}
    for number in (1, 7, 0x8000_0001, 0x8000_0007):
        found = cpuid.leaf(number, 0, 0)
        for register in (2, 3) if number == 1 else (1, 2, 3):
            bits = {bit for bit in range(32) if found[register] >> bit & 1}
            assert bits == {b for n, r, b in claimed if (n, r) == (number, register)}


def test_no_two_features_share_a_bit():
    places = [place for places in cpuid.FEATURES.values() for place in places]
    assert len(set(places)) == len(places)


@pytest.mark.usefixtures("guest")
def test_leaves_beyond_the_last_are_empty():
    for number in (cpuid.leaf(0, 0, 0)[0] + 1, 0x4000_0000, cpuid.leaf(0x8000_0000, 0, 0)[0] + 1):
        assert cpuid.leaf(number, 0, 0) == (0, 0, 0, 0)
    assert cpuid.leaf(7, 1, 0) == (0, 0, 0, 0)


@pytest.mark.usefixtures("guest")
def test_each_core_names_itself():
    assert [cpuid.leaf(1, 0, n)[1] >> 24 for n in range(4)] == [0, 1, 2, 3]
    assert [cpuid.leaf(0xB, 0, n)[3] for n in range(4)] == [0, 1, 2, 3]


def test_ids_may_be_sparse():
    with powered_board(MachineConfig(cpus=4, ram_bytes=32 * MIB, apic_ids=(0, 2, 5, 9))):
        assert cpuid.leaf(0xB, 1, 9) == (4, 4, 2 << 8 | 1, 9)
        assert cpuid.leaf(0x8000_0008, 0, 9)[2] == 4 << 12 | 3
        state = CORES[3]
        state.core_index, state.rax, state.rcx = 3, 1, 0
        cpuid.execute(state)
        assert state.rbx >> 24 == 9


def test_instruction_takes_leaf_and_subleaf_from_the_lower_halves(guest: Guest):
    guest.put_code(0, b"\x0f\xa2\x0f\x05")
    state = guest.core.state
    state.rax, state.rcx = 7 | 5 << 32, 1 << 32
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202, 0
    before = state.instructions
    assert guest.core.run() == Syscall()
    assert (state.rax, state.rbx, state.rdx) == tuple(cpuid.leaf(7, 0, 0)[k] for k in (0, 1, 3))
    assert state.rbx >> 32 == 0
    assert state.instructions - before == 2
