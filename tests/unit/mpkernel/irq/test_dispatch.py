"""Dispatch: a vector's handler runs once, and the interrupt is ended where it must be."""

from collections.abc import Iterator

import pytest

from hw.bus.raw_lock import RawLock
from hw.irq.apic_state import APICS
from mpkernel.arch import interrupts, ipi
from mpkernel.arch.cpu import cpu
from mpkernel.arch.vectors import VECTOR_SPURIOUS
from mpkernel.irq import dispatch, vectors
from mpkernel.sync.spinlock import Spinlock
from tests.support.device_kernel import DeviceKernel, device_kernel

pytestmark = pytest.mark.feature("B3")

HANDLER = 90


@pytest.fixture
def kernel() -> Iterator[DeviceKernel]:
    with device_kernel() as kernel:
        yield kernel


def send(vector: int) -> None:
    ipi._command(0, 1 << 14 | vector)


def test_an_interrupt_runs_its_handler_once_and_is_ended(kernel: DeviceKernel) -> None:
    seen: list[tuple[int, int, int]] = []

    def handler(argument: int) -> None:
        area = cpu().area
        seen.append((argument, area.irqs_off, area.irq_depth))

    vectors.HANDLERS.add(HANDLER, vectors.Handler("test", handler))
    vector = vectors.request_vector(HANDLER, 77)
    send(vector)
    interrupts.safepoint()
    interrupts.safepoint()
    assert seen == [(77, 1, 1)]
    assert dispatch.taken(0, vector) == 1
    state = APICS[0]
    assert not any((state.isr0, state.isr1, state.isr2, state.isr3))


def test_unexpected_vectors_are_counted_and_ended(kernel: DeviceKernel) -> None:
    send(0xA0)
    interrupts.safepoint()
    assert dispatch.COUNTS.of(0).unexpected == 1
    assert not APICS[0].isr2


def test_spurious_is_not_ended(kernel: DeviceKernel) -> None:
    ended: list[int] = []

    class Apic:
        def eoi(self) -> None:
            ended.append(1)

    cpu().apic, before = Apic(), cpu().apic  # type: ignore[assignment]
    dispatch.handle(VECTOR_SPURIOUS)
    assert not ended
    dispatch.handle(0xA0)
    assert ended
    cpu().apic = before


@pytest.mark.feature("B8")
def test_the_end_of_an_interrupt_takes_no_lock_and_works_with_interrupts_off(
    kernel: DeviceKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(0xA0)
    apic = cpu().apic
    assert apic is not None
    assert apic.accept() == 0xA0

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a lock on the way of EOI")

    monkeypatch.setattr(Spinlock, "acquire", refuse)
    monkeypatch.setattr(RawLock, "__enter__", refuse)
    flag = interrupts.save()
    assert APICS[0].isr2
    apic.eoi()
    assert not APICS[0].isr2
    monkeypatch.undo()
    interrupts.restore(flag)
