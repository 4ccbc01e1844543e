"""Signals of the host through the I/O APIC."""

from hw.bus import board_registers
from mpkernel.arch import interrupts
from mpkernel.drivers import host_signals
from tests.support.device_kernel import device_kernel


def test_signals_are_handed_on_and_the_line_falls() -> None:
    seen: list[int] = []
    entries = host_signals.HOST_SIGNAL._entries
    with device_kernel():
        host_signals.start()
        assert not board_registers.post_signal(2)  # nobody takes them
        host_signals.HOST_SIGNAL.fill(seen.append)
        try:
            host_signals.start()
            assert board_registers.post_signal(2)
            assert board_registers.post_signal(15)
            interrupts.safepoint()
            assert seen == [2, 15]
            assert board_registers.post_signal(1)
            interrupts.safepoint()
            assert seen == [2, 15, 1]
        finally:
            entries.clear()
