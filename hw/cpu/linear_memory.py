"""Memory by linear address, as the rare instructions that Python executes see it.

It walks the tables each time: no TLB, exact faults, a write happens as a whole or not at all.
``system`` accesses (descriptor tables, TSS, the stack of an inner privilege level) are the
supervisor's, whatever the current privilege.

Spec: AMD64 APM vol. 2, 5.6. State: RAM, page tables. Context: the core itself, outside native code.
"""

from typing import TYPE_CHECKING, Final

from hw import ram
from hw.bus import mmio
from hw.cpu.exits import CpuFault
from hw.cpu.legacy_walk import in_ram
from hw.cpu.page_rules import RULE_ALIGNED, RULE_SMAP
from hw.cpu.state import CpuState
from hw.cpu.walker import WALK_FAULT
from hw.spec.address import is_canonical
from hw.spec.paging import ACCESS_FETCH, ACCESS_READ, ACCESS_USER, ACCESS_WRITE
from hw.spec.registers import CR4_SMAP
from hw.spec.vectors import ALIGNMENT_CHECK, GENERAL_PROTECTION, PAGE_FAULT

if TYPE_CHECKING:
    from hw.cpu.threaded import NativeCode

_PAGE: Final = 4096
#: Address bits that are 0 in an aligned operand, by its size (far pointers have 4, 6, 10 bytes).
_ALIGNMENT: Final = {1: 0, 2: 1, 4: 3, 6: 3, 8: 7, 10: 7, 16: 15}


class LinearMemory:
    """One core's view of memory."""

    __slots__ = ("_native", "_state")

    def __init__(self, state: CpuState, native: "NativeCode") -> None:
        self._state = state
        self._native = native

    def translate(self, address: int, access: int, *, system: bool = False) -> int:
        """Physical address of a byte.

        Raises:
            CpuFault: #PF.

        """
        state = self._state
        rules = state.walk_rules
        if system:
            rules |= RULE_SMAP if state.cr4 & CR4_SMAP else 0
        elif state.cpl == 3:
            access |= ACCESS_USER
        found: int = self._native.walk(state.cr3, address, access, rules)
        if found & WALK_FAULT:
            raise CpuFault(PAGE_FAULT, found & 0xFFFF, address)
        return (found & ~0xFFF) | (address & 0xFFF)

    def fetch(self, address: int) -> int:
        """Physical address of an instruction's byte; #PF as of a fetch."""
        return self.translate(address, ACCESS_FETCH)

    def read(self, address: int, size: int, *, system: bool = False) -> int:
        """Value of ``size`` bytes.

        Raises:
            CpuFault: #PF; #GP of an address that is not canonical; #AC.

        """
        data = b""
        for phys, count in self._pieces(address, size, ACCESS_READ, system=system):
            if in_ram(phys):
                data += ram.read(phys, count)
            else:
                value = mmio.read(self._state.core_index, phys, count)
                data += value.to_bytes(count, "little")
        return int.from_bytes(data, "little")

    def write(self, address: int, size: int, value: int, *, system: bool = False) -> None:
        """Store ``size`` bytes.

        Raises:
            CpuFault: #PF; #GP of an address that is not canonical; #AC.

        """
        data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        for phys, count in self._pieces(address, size, ACCESS_WRITE, system=system):
            piece, data = data[:count], data[count:]
            if in_ram(phys):
                ram.write(phys, piece)
            else:
                mmio.write(self._state.core_index, phys, count, int.from_bytes(piece, "little"))

    def _pieces(
        self, address: int, size: int, access: int, *, system: bool
    ) -> list[tuple[int, int]]:
        """Physical address and length of each page's part."""
        if not (is_canonical(address) and is_canonical(address + size - 1)):
            raise CpuFault(GENERAL_PROTECTION)
        first = min(size, _PAGE - (address & 0xFFF))
        pieces = [(self.translate(address, access, system=system), first)]
        if first < size:
            pieces.append((self.translate(address + first, access, system=system), size - first))
        if not system and self._state.walk_rules & RULE_ALIGNED and address & _ALIGNMENT[size]:
            raise CpuFault(ALIGNMENT_CHECK)
        return pieces
