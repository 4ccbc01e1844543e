"""Signals that the host sends to the machine: INT, TERM, HUP of whoever runs it.

    launcher -> line of the I/O APIC -> on_interrupt: take the bits -> deferred: HOST_SIGNAL(number)

Taken only if somebody filled the seam: else the host's signal ends the machine, as the board does.

State: RAM. Locks: none. Context: start, task; on_interrupt, interrupt; deliver, deferred work.
"""

from collections.abc import Callable
from typing import Final

from hw.spec.board_registers import HOST_SIGNALS, HOST_SIGNALS_ENABLE, HOST_SIGNALS_LINE
from hw.spec.layout import Layout, layout
from hw.spec.memory_map import BOARD_REGISTERS_BASE
from mpkernel.arch import memory, mmio
from mpkernel.arch.atomics import AtomicU32
from mpkernel.arch.cpu import cpu
from mpkernel.drivers import io_apic
from mpkernel.irq import vectors
from mpkernel.irq.deferred import WORK_HOST_SIGNALS, DeferredWork
from mpkernel.irq.vectors import HANDLER_HOST_SIGNALS
from mpkernel.seam import Seam

#: What a signal's number does. Called with no lock held.
HOST_SIGNAL: Final[Seam[Callable[[int], None]]] = Seam("host signals")


@layout()
class HostSignals(Layout):
    """Signals taken from the board and not yet delivered."""

    work: DeferredWork
    bits: AtomicU32  #: 1 << number


STATE: Final = memory.static(HostSignals)


def start() -> None:
    """Take the host's signals from here on, if there is somebody for them."""
    if 0 not in HOST_SIGNAL:
        return
    io_apic.init()
    STATE.work.init(WORK_HOST_SIGNALS, 0)
    STATE.bits.store(0)
    vector = vectors.request_vector(HANDLER_HOST_SIGNALS)
    io_apic.route_edge(HOST_SIGNALS_LINE, vector, cpu().index)
    mmio.write(BOARD_REGISTERS_BASE + HOST_SIGNALS_ENABLE, 4, 1)


def on_interrupt(_argument: int) -> None:
    """Take the bits: that also lowers the line, so that the next signal is an edge again."""
    STATE.bits.or_(mmio.read(BOARD_REGISTERS_BASE + HOST_SIGNALS, 4))
    STATE.work.schedule()


def deliver(_argument: int) -> None:
    """Deferred work: hand the signals on."""
    bits = STATE.bits.xchg(0)
    while bits:
        number = (bits & -bits).bit_length() - 1
        bits &= bits - 1
        HOST_SIGNAL.get()(number)
