"""The I/O APIC: which vector an interrupt line of a device becomes, and on which CPU.

Spec: Intel 82093AA; ACPI 6.5, 5.2.12.3. State: the I/O APIC's registers. Locks: IoApic.lock: a
register is selected, then accessed. Context: task.
"""

from typing import Annotated, Final

from hw.spec.apic import (
    IO_APIC_REG_REDIRECTION,
    IO_APIC_REG_VERSION,
    IO_APIC_SELECT,
    IO_APIC_WINDOW,
    REDIRECT_MASKED,
    VECTOR,
)
from hw.spec.layout import Layout, fixed, layout, u32, u64
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import memory, mmio, topology
from mpkernel.drivers import acpi
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

#: Physical destinations of a redirection entry have 8 bits.
_MAX_APIC_ID: Final = 0xFE
_DEST_SHIFT: Final = 24


@layout()
class IoApic(Layout):
    """The first I/O APIC."""

    lock: Spinlock
    address: Annotated[u64, fixed]
    gsi_base: Annotated[u32, fixed]
    lines: Annotated[u32, fixed]


IO_APIC: Final = memory.static(IoApic)


def init() -> None:
    """Find the I/O APIC and mask all its lines.

    Raises:
        AcpiError: firmware names none.
    """
    infos = acpi.io_apics()
    if not infos:
        raise acpi.AcpiError("ACPI: no I/O APIC")
    IO_APIC.lock.init(ranks.IRQ_TABLE)
    IO_APIC.address, IO_APIC.gsi_base = infos[0].address, infos[0].gsi_base
    with IO_APIC.lock:
        IO_APIC.lines = (_read_locked(IO_APIC_REG_VERSION) >> 16 & 0xFF) + 1
        for line in range(IO_APIC.lines):
            _write_locked(IO_APIC_REG_REDIRECTION + 2 * line, REDIRECT_MASKED)


def route_edge(gsi: int, vector: int, target: int) -> None:
    """Let a rising edge of a line interrupt CPU ``target`` as ``vector``; again to move it.

    Raises:
        SysError: ENXIO, there is no such line; EBUSY, it has another vector; ENOTSUP, the CPU's
            id is too large to be named.
    """
    line = gsi - IO_APIC.gsi_base
    if not 0 <= line < IO_APIC.lines:
        raise SysError(Errno.ENXIO)
    apic_id = topology.apic_id(target)
    if apic_id > _MAX_APIC_ID:
        raise SysError(Errno.ENOTSUP)
    register = IO_APIC_REG_REDIRECTION + 2 * line
    with IO_APIC.lock:
        entry = _read_locked(register)
        if not entry & REDIRECT_MASKED and VECTOR.get(entry) != vector:
            raise SysError(Errno.EBUSY)
        _write_locked(register, REDIRECT_MASKED)
        _write_locked(register + 1, apic_id << _DEST_SHIFT)
        _write_locked(register, vector)


def mask(gsi: int) -> None:
    """Let a line interrupt nobody."""
    with IO_APIC.lock:
        _write_locked(IO_APIC_REG_REDIRECTION + 2 * (gsi - IO_APIC.gsi_base), REDIRECT_MASKED)


def _read_locked(register: int) -> int:
    mmio.write(IO_APIC.address + IO_APIC_SELECT, 4, register)
    return mmio.read(IO_APIC.address + IO_APIC_WINDOW, 4)


def _write_locked(register: int, value: int) -> None:
    mmio.write(IO_APIC.address + IO_APIC_SELECT, 4, register)
    mmio.write(IO_APIC.address + IO_APIC_WINDOW, 4, value)
