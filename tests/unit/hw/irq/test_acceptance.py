"""Which interrupt a core takes next; INIT and STARTUP."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw import ram
from hw.irq import delivery
from hw.irq.acceptance import CoreReset
from hw.irq.local_apic import LOCAL_APICS
from hw.spec import apic as spec
from tests.support.board import accepted, enabled_apic

pytestmark = pytest.mark.usefixtures("board")


def command(core: int, low: int, destination: int = 0) -> None:
    LOCAL_APICS[core].write(spec.LAPIC_ICR_HIGH, destination << 24)
    LOCAL_APICS[core].write(spec.LAPIC_ICR_LOW, low)


def test_vectors_are_accepted_highest_first():
    apic = enabled_apic(0)
    for vector in (0x31, 0xF0, 0x32, 0x80):
        delivery.deliver(0, spec.DELIVERY_FIXED, vector)
    assert accepted(0) == [0xF0, 0x80, 0x32, 0x31]
    assert apic.accept() is None


@pytest.mark.feature("B5")
def test_served_vector_blocks_its_class_and_lower_ones():
    apic = enabled_apic(0)
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x45)
    assert apic.accept() == 0x45
    for vector in (0x4F, 0x31, 0x51):
        delivery.deliver(0, spec.DELIVERY_FIXED, vector)
    assert apic.accept() == 0x51
    assert apic.accept() is None
    apic.eoi()
    assert apic.accept() is None
    apic.eoi()
    assert apic.accept() == 0x4F


def test_task_priority_blocks_and_its_fall_tells_the_core():
    apic = enabled_apic(0)
    apic.write(spec.LAPIC_TPR, 0x50)
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x5F)
    assert apic.accept() is None
    assert not ram.PENDING[0].bits.value
    apic.write(spec.LAPIC_TPR, 0x40)
    assert ram.PENDING[0].bits.value & ram.PENDING_INTERRUPT
    assert apic.accept() == 0x5F
    assert apic.read(spec.LAPIC_PPR) == 0x50


@pytest.mark.feature("B5")
def test_end_of_interrupt_tells_the_core_of_what_waited():
    apic = enabled_apic(0)
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x60)
    assert apic.accept() == 0x60
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x61)
    assert apic.accept() is None
    assert not ram.PENDING[0].bits.value
    apic.eoi()
    assert ram.PENDING[0].bits.value & ram.PENDING_INTERRUPT


def test_same_vector_twice_is_served_once_but_again_while_served():
    apic = enabled_apic(0)
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x70)
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x70)
    assert apic.accept() == 0x70
    delivery.deliver(0, spec.DELIVERY_FIXED, 0x70)
    apic.eoi()
    assert accepted(0) == [0x70]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(16, 255)),
            st.tuples(st.just("tpr"), st.integers(0, 255)),
            st.tuples(st.just("accept"), st.just(0)),
            st.tuples(st.just("eoi"), st.just(0)),
        ),
        max_size=40,
    )
)
@pytest.mark.feature("B5")
def test_acceptance_against_a_model_of_sets(steps: list[tuple[str, int]]):
    apic = enabled_apic(1)
    while apic.accept() is not None:
        apic.eoi()
    for _ in range(16):
        apic.eoi()
    apic.write(spec.LAPIC_TPR, 0)
    accepted(1)
    requested: set[int] = set()
    served: set[int] = set()
    tpr = 0
    for kind, value in steps:
        if kind == "send":
            delivery.deliver(1, spec.DELIVERY_FIXED, value)
            requested.add(value)
        elif kind == "tpr":
            apic.write(spec.LAPIC_TPR, value)
            tpr = value
        elif kind == "eoi":
            apic.eoi()
            served.discard(max(served, default=0))
        else:
            threshold = max(tpr >> 4, max(served, default=0) >> 4)
            best = max(requested, default=0)
            expected = best if best >> 4 > threshold else None
            assert apic.accept() == expected
            if expected:
                requested.remove(expected)
                served.add(expected)
        threshold = max(tpr >> 4, max(served, default=0) >> 4)
        if max(requested, default=0) >> 4 > threshold:
            assert ram.PENDING[1].bits.value & ram.PENDING_INTERRUPT, "the core was not told"
    for base, model in ((spec.LAPIC_IRR, requested), (spec.LAPIC_ISR, served)):
        bits = sum(apic.read(base + 16 * row) << 32 * row for row in range(8))
        assert bits == sum(1 << vector for vector in model)


@pytest.mark.feature("A8")
def test_init_stops_a_running_core_and_startup_is_taken_by_a_waiting_one():
    apic = enabled_apic(2)
    command(0, spec.DELIVERY_MODE.put(spec.ICR_ASSERT, spec.DELIVERY_INIT), destination=2)
    with pytest.raises(CoreReset):
        apic.accept()
    assert apic.read(spec.LAPIC_SVR) == 0xFF
    assert apic.take_startup() is None
    command(0, spec.DELIVERY_MODE.put(0x12, spec.DELIVERY_STARTUP), destination=2)
    assert ram.PENDING[2].bits.value
    assert apic.take_startup() == 0x12
    assert apic.take_startup() is None


@pytest.mark.feature("A8")
def test_startup_of_a_running_core_is_ignored():
    apic = enabled_apic(2)
    command(0, spec.DELIVERY_MODE.put(0x12, spec.DELIVERY_STARTUP), destination=2)
    assert apic.accept() is None
    assert apic.take_startup() is None
