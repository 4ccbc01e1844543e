"""Instructions on caches and translations; MONITOR and MWAIT; counters.

Caches are never stale here, so there is nothing to write back.

Spec: AMD64 APM vol. 3, CLFLUSH INVD INVLPG INVPCID MONITOR MWAIT RDPMC RDTSC WBINVD.
State: CpuState, the core's banks. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iced_x86 import Register

from hw.cpu import halt
from hw.cpu.exits import CpuFault
from hw.cpu.mode import require
from hw.cpu.operand_access import Operands
from hw.cpu.tlb_banks import CONTEXT_PCID
from hw.spec.address import is_canonical
from hw.spec.registers import CR4_PCIDE
from hw.spec.vectors import GENERAL_PROTECTION

if TYPE_CHECKING:
    from hw.cpu.core import Core

_MASK32: Final = 0xFFFF_FFFF
_PCID_TYPES: Final = 4


def _privileged_nothing(core: "Core", _op: Operands) -> None:
    """INVD, WBINVD, WBNOINVD: caches are never stale here."""
    require(core)


def _touch(core: "Core", op: Operands) -> None:
    """CLFLUSH: faults as a load of a byte does."""
    core.memory.read(op.address(1), 1)


def _invlpg(core: "Core", op: Operands) -> None:
    require(core)
    segment = op.i.memory_segment
    base = {Register.FS: core.state.fs_base, Register.GS: core.state.gs_base}.get(segment, 0)
    address = (base + op.offset()) & (1 << 64) - 1
    if is_canonical(address):
        core.flush_page(address)


def _invpcid(core: "Core", op: Operands) -> None:
    """Type 0: one page of a PCID; 1: a PCID; 2: everything; 3: everything but global pages."""
    require(core)
    state = core.state
    kind = op.register(op.i.op0_register)
    place = op.address(16)
    descriptor = core.memory.read(place, 16)
    pcid, address = descriptor & _MASK32 * 0x1_0000_0001, descriptor >> 64
    wrong = kind >= _PCID_TYPES or (kind <= 1 and pcid >> 12)
    wrong = wrong or (kind == 0 and not is_canonical(address))
    if wrong or (kind <= 1 and pcid and not state.cr4 & CR4_PCIDE):
        raise CpuFault(GENERAL_PROTECTION)
    if kind == 0:
        core.flush_page(address)
    elif kind == 2:
        core.flush_tlb()
    else:
        core.flush_local(CONTEXT_PCID if kind == 1 else 0, pcid)


def _monitor(core: "Core", op: Operands) -> None:
    """Note the line to watch; extensions in ecx are refused."""
    require(core)
    state = core.state
    if state.rcx & _MASK32:
        raise CpuFault(GENERAL_PROTECTION)
    place = op.linear(op.i.segment_prefix or Register.DS, _monitor_offset(op), 1)
    core.memory.read(place, 1)
    halt.arm(core, core.memory.translate(place, 0))


def _monitor_offset(op: Operands) -> int:
    width = 8 * op.stated_size()
    return op.register(Register.RAX) & (1 << width) - 1


def _mwait(core: "Core", _op: Operands) -> None:
    """Wait for the line; bit 0 of ecx: an interrupt that IF masks ends the wait, too."""
    require(core)
    extensions = core.state.rcx & _MASK32
    if extensions & ~1:
        raise CpuFault(GENERAL_PROTECTION)
    halt.wait(core, masked=bool(extensions))


def _rdpmc(_core: "Core", _op: Operands) -> None:
    raise CpuFault(GENERAL_PROTECTION)  # there are no counters


def _rdtsc(core: "Core", _op: Operands) -> None:
    """RDTSC and RDTSCP get here only where CR4.TSD forbids them."""
    assert core.state.cpl > 0
    raise CpuFault(GENERAL_PROTECTION)


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    **dict.fromkeys(("INVD", "WBINVD", "WBNOINVD"), _privileged_nothing),
    "CLFLUSH": _touch, "CLFLUSHOPT": _touch, "INVLPG": _invlpg, "INVPCID": _invpcid,
    "MONITOR": _monitor, "MWAIT": _mwait, "RDPMC": _rdpmc, "RDTSC": _rdtsc, "RDTSCP": _rdtsc,
}  # fmt: skip
