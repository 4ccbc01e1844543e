"""All drivers and interrupt handlers, put into their seams. Called by boot.wiring, before the fork.

State: none. Context: import time.
"""

from collections.abc import Callable

from mpkernel.block.device import BLOCK_DRIVERS, DRIVER_VIRTIO
from mpkernel.drivers import host_signals
from mpkernel.drivers.bus import DRIVER_BLK, DRIVER_CONSOLE, DRIVER_RNG, DRIVERS
from mpkernel.drivers.virtio import blk, console, port, rng
from mpkernel.drivers.virtio.console import CONSOLE_INPUT, ConsoleInput, ConsoleOutput
from mpkernel.irq.deferred import WORK, WORK_CONSOLE_INPUT, WORK_HOST_SIGNALS
from mpkernel.irq.vectors import (
    HANDLER_BLK,
    HANDLER_CONSOLE_CONTROL,
    HANDLER_CONSOLE_RX,
    HANDLER_CONSOLE_TX,
    HANDLER_HOST_SIGNALS,
    HANDLER_RNG,
    HANDLERS,
    Handler,
)


def fill_seams() -> None:
    """Put everything of this package where lower layers call it."""
    DRIVERS.add(DRIVER_BLK, blk.VIRTIO_BLK)
    DRIVERS.add(DRIVER_CONSOLE, console.VIRTIO_CONSOLE)
    DRIVERS.add(DRIVER_RNG, rng.VIRTIO_RNG)
    BLOCK_DRIVERS.add(DRIVER_VIRTIO, blk.VIRTIO_BLK)
    HANDLERS.add(HANDLER_BLK, Handler("virtio-blk", blk.on_interrupt))
    HANDLERS.add(HANDLER_CONSOLE_RX, Handler("virtio-console input", port.on_input))
    HANDLERS.add(HANDLER_CONSOLE_TX, Handler("virtio-console output", port.on_output))
    HANDLERS.add(HANDLER_CONSOLE_CONTROL, Handler("virtio-console control", console.on_control))
    HANDLERS.add(HANDLER_RNG, Handler("virtio-rng", rng.on_interrupt))
    HANDLERS.add(HANDLER_HOST_SIGNALS, Handler("host signals", host_signals.on_interrupt))
    WORK.add(WORK_CONSOLE_INPUT, console.feed_terminal)
    WORK.add(WORK_HOST_SIGNALS, host_signals.deliver)


def join_terminal(terminal: ConsoleInput, set_output: Callable[[ConsoleOutput], None]) -> None:
    """Join the console port and a terminal: what comes in goes there, what it writes goes out.

    The drivers do not know the terminal, nor it them; so boot.wiring hands it over.
    """
    CONSOLE_INPUT.fill(terminal)
    set_output(ConsoleOutput())
