"""The bit, the pending word and the doorbell of a delivery."""

import os

import pytest

from hw import ram
from hw.irq import delivery
from hw.irq.apic_state import APICS
from hw.irq.party import PARTIES
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = pytest.mark.usefixtures("board")


def test_delivery_sets_bit_and_pending_word():
    enabled_apic(1)
    assert delivery.deliver(1, spec.DELIVERY_FIXED, 0x85)
    assert APICS[1].irr2 == 1 << 5
    assert ram.PENDING[1].bits.value == ram.PENDING_INTERRUPT
    assert not ram.PENDING[0].bits.value


def test_level_marks_the_vector_and_edge_unmarks_it():
    enabled_apic(1)
    delivery.deliver(1, spec.DELIVERY_FIXED, 0x40, level=True)
    assert APICS[1].tmr1 == 1
    delivery.deliver(1, spec.DELIVERY_FIXED, 0x40)
    assert APICS[1].tmr1 == 0


def test_modes_that_mean_nothing_are_not_accepted():
    enabled_apic(1)
    for mode in (spec.DELIVERY_SMI, spec.DELIVERY_EXTINT, 3):
        assert not delivery.deliver(1, mode, 0x40)
    assert not delivery.send(spec.DELIVERY_FIXED, 0x40, 200, logical=False)


def test_sparse_ids_are_found():
    for core, apic_id in enumerate((7, 0x1FF, 0, 2)):
        PARTIES[core].apic_id = apic_id
    assert [delivery.targets(i, logical=False) for i in (7, 0x1FF, 0, 2, 1)] == [
        [0], [1], [2], [3], []
    ]  # fmt: skip
    assert delivery.targets(0xFFFF_FFFF, logical=False, wide=True) == [0, 1, 2, 3]


def test_logical_x2apic_destination():
    for core in range(4):
        PARTIES[core].apic_id = 16 * core + core
        apic = enabled_apic(core)
        apic.set_base(apic.base() | spec.APIC_BASE_X2APIC)
    assert delivery.targets(2 << 16 | 1 << 2, logical=True, wide=True) == [2]


def test_bits_of_many_senders_are_all_kept():
    enabled_apic(0)
    pids = []
    for sender in range(4):
        pid = os.fork()
        if not pid:
            for vector in range(32 + sender, 256, 4):
                delivery.deliver(0, spec.DELIVERY_FIXED, vector)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    assert accepted(0) == list(range(255, 31, -1))
