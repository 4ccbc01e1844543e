"""MSI-X: messages go where they are routed, and wait while they are masked."""

import pytest

from hw.bus import msix as board
from mpkernel.arch import interrupts
from mpkernel.drivers import msix, pci
from mpkernel.irq import dispatch, vectors
from tests.support.device_kernel import device_kernel


def test_a_message_arrives_where_it_is_routed_and_waits_while_masked() -> None:
    taken: list[int] = []
    with device_kernel(cpus=2) as kernel:
        pci.enumerate_bus()
        function = pci.functions()[1]
        vectors.HANDLERS.add(99, vectors.Handler("test", taken.append))
        vector = vectors.request_vector(99, 0x1234)
        pci.enable(function)
        msix.enable(function)
        msix.route(function, 0, vector, 1)
        board.signal(function.device, 0)
        interrupts.safepoint()
        assert not taken
        kernel.use(1)
        interrupts.safepoint()
        assert taken == [0x1234]
        assert dispatch.taken(1, vector) == 1
        msix.mask(function, 0)
        board.signal(function.device, 0)
        interrupts.safepoint()
        assert len(taken) == 1
        msix.route(function, 0, vector, 1)
        interrupts.safepoint()
        assert len(taken) == 2


def test_nothing_is_sent_before_it_is_enabled_and_after_it_is_disabled() -> None:
    taken: list[int] = []
    with device_kernel():
        pci.enumerate_bus()
        function = pci.functions()[1]
        vectors.HANDLERS.add(99, vectors.Handler("test", taken.append))
        vector = vectors.request_vector(99, 7)
        pci.enable(function)
        msix.route(function, 0, vector, 0)
        board.signal(function.device, 0)
        interrupts.safepoint()
        assert not taken
        msix.enable(function)  # masks every entry first
        board.signal(function.device, 0)
        interrupts.safepoint()
        assert not taken
        msix.route(function, 0, vector, 0)
        interrupts.safepoint()
        assert taken == [7]
        msix.disable(function)
        board.signal(function.device, 0)
        interrupts.safepoint()
        assert taken == [7]


def test_an_entry_that_is_not_there_is_a_bug() -> None:
    with device_kernel():
        pci.enumerate_bus()
        function = pci.functions()[1]
        with pytest.raises(AssertionError):
            msix.route(function, function.msix_vectors, 0x40, 0)
