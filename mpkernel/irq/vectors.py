"""Vectors of devices: which number a device sends, and what runs when it arrives.

    request_vector(HANDLER_BLK, queue) -> 0x30          RAM: vector -> (handler id, argument)
    HANDLERS[HANDLER_BLK] = Handler("virtio-blk", f)     code: equal in all processes

A vector means the same on every CPU; the device is told which CPU gets it.

State: RAM. Locks: IRQ_TABLE for changes; dispatch reads an entry without it, because an entry is
filled before the device knows its vector. Context: task for changes, any for reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from hw.spec.layout import Layout, atomic, guarded_by, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory
from mpkernel.arch.vectors import DEVICE_FIRST, DEVICE_LAST, VECTOR_NAMES
from mpkernel.seam import Seam
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

VECTORS: Final = 256

# Ids of handlers.
HANDLER_BLK: Final = 1
HANDLER_CONSOLE_RX: Final = 2
HANDLER_CONSOLE_TX: Final = 3
HANDLER_CONSOLE_CONTROL: Final = 4
HANDLER_RNG: Final = 5
HANDLER_HOST_SIGNALS: Final = 6


@dataclass(frozen=True)
class Handler:
    """Code for a kind of interrupt. ``run`` gets the argument of its vector."""

    name: str
    run: Callable[[int], None]


#: By handler id: what runs for a device's vector, with interrupts off.
HANDLERS: Final[Seam[Handler]] = Seam("interrupt handlers")
#: By vector: what runs for a vector of the kernel's own (arch.vectors), with interrupts off.
KERNEL_VECTORS: Final[Seam[Callable[[], None]]] = Seam("kernel vectors")


@layout(size=16)
class VectorEntry(Layout):
    """What a vector means."""

    argument: Annotated[u64, guarded_by("irq_table")]
    handler: Annotated[u32, atomic]  #: id, 0: nobody has the vector
    reserved_0x00c: u32


@layout()
class TableLock(Layout):
    """The lock of the table."""

    lock: Spinlock


TABLE: Final = memory.static_array(VectorEntry, VECTORS)
_LOCK: Final = memory.static(TableLock).lock


def init() -> None:
    """Make all vectors free. Once, on the first CPU."""
    _LOCK.init(ranks.IRQ_TABLE)


def request_vector(handler: int, argument: int = 0) -> int:
    """Give out a vector that runs ``HANDLERS[handler].run(argument)``.

    Raises:
        SysError: ENOSPC, all are in use.
    """
    assert handler in HANDLERS, f"no code for interrupt handler {handler}"
    with _LOCK:
        for vector in range(DEVICE_FIRST, DEVICE_LAST + 1):
            entry = TABLE[vector]
            if not entry.handler:
                entry.argument = argument
                entry.handler = handler
                return vector
    raise SysError(Errno.ENOSPC)


def free_vector(vector: int) -> None:
    """Take a vector back. Its device sends it no more."""
    with _LOCK:
        TABLE[vector].handler = 0


def name_of(vector: int) -> str | None:
    """What a vector is for, None if for nothing."""
    handler = TABLE[vector].handler
    return HANDLERS[handler].name if handler else VECTOR_NAMES.get(vector)
