"""IN, OUT, INS, OUTS: who may use a port, and who answers there.

The board has no port devices: without others, reads give ones and writes go nowhere. Whoever runs
bare images plugs in what they expect.

Spec: AMD64 APM vol. 2, 12.2.4 (I/O-permission bitmap); vol. 3, IN OUT INS OUTS.
State: the bitmap in the guest's TSS. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from hw.cpu import mode
from hw.cpu.exits import CpuFault
from hw.cpu.operand_access import Operands
from hw.spec import descriptors
from hw.spec.descriptors import TSS_IO_MAP
from hw.spec.vectors import GENERAL_PROTECTION

if TYPE_CHECKING:
    from hw.cpu.core import Core


class Ports(Protocol):
    """What is plugged in at the ports."""

    def read(self, port: int, size: int) -> int:
        """Read 1, 2 or 4 bytes."""
        ...

    def write(self, port: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        ...


class NoPorts:
    """Nobody answers."""

    def read(self, port: int, size: int) -> int:  # noqa: ARG002
        """Ones, as on an open bus."""
        return (1 << 8 * size) - 1

    def write(self, port: int, size: int, value: int) -> None:
        """Nothing."""


def check(core: "Core", port: int, size: int) -> None:
    """Check that the current privilege may use ``size`` ports from ``port`` on.

    Raises:
        CpuFault: #GP; #PF of the bitmap.

    """
    state = core.state
    if mode.is_real(state) or state.cpl <= (state.rflags >> 12 & 3):
        return
    kind = state.tr_attributes & 0xF
    if kind not in (descriptors.TSS, descriptors.TSS_BUSY) or state.tr_limit < TSS_IO_MAP + 1:
        raise CpuFault(GENERAL_PROTECTION)
    offset = core.memory.read(state.tr_base + TSS_IO_MAP, 2, system=True) + port // 8
    if offset + 1 > state.tr_limit:
        raise CpuFault(GENERAL_PROTECTION)
    bits = core.memory.read(state.tr_base + offset, 2, system=True) >> (port & 7)
    if bits & (1 << size) - 1:
        raise CpuFault(GENERAL_PROTECTION)


def _in(core: "Core", op: Operands) -> None:
    port, size = _port(op)
    check(core, port, size)
    op.set_register(op.i.op0_register, core.ports.read(port, size))


def _out(core: "Core", op: Operands) -> None:
    port, size = _port(op)
    check(core, port, size)
    core.ports.write(port, size, op.register(op.i.op1_register))


def _port(op: Operands) -> tuple[int, int]:
    port = op.port()
    assert port is not None
    return port


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {"IN": _in, "OUT": _out}
