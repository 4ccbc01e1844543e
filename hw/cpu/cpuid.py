"""What CPUID answers: exactly what the core has.

Spec: AMD64 APM vol. 3, appendix E.
State: none but the registers of the asking core. Context: Python.
"""

from typing import Final

from hw.cpu.state import CpuState
from hw.spec.paging import PHYS_BITS

_VENDOR: Final = b"AuthenticAMD"
_BRAND: Final = b"mpkernel process core".ljust(48, b"\0")
#: Family 17h, model 31h, stepping 0.
_SIGNATURE: Final = 0x0083_0F10

#: Leaf 1, ecx: CX16 (bit 13), POPCNT (23), hypervisor present (31).
_FEATURES_ECX: Final = 1 << 13 | 1 << 23 | 1 << 31
_COMMON_EDX: Final = 1 << 4 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 13 | 1 << 15
#: Leaf 1, edx: TSC PSE MSR PAE CX8 APIC PGE CMOV, SSE (25), SSE2 (26).
_FEATURES_EDX: Final = _COMMON_EDX | 1 << 25 | 1 << 26
#: Leaf 8000_0001, edx: those to CMOV, SYSCALL, NX, 1 GiB pages, RDTSCP, LM.
_EXTENDED_EDX: Final = _COMMON_EDX | 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29
#: Leaf 8000_0001, ecx: LAHF in long mode (0), LZCNT (5).
_EXTENDED_ECX: Final = 1 << 0 | 1 << 5
_INVARIANT_TSC: Final = 1 << 8


def _words(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4))


def leaf(number: int, core_index: int) -> tuple[int, int, int, int]:
    """eax, ebx, ecx, edx of a leaf; zeros where there is none."""
    b, d, c = _words(_VENDOR)
    if 0x8000_0002 <= number <= 0x8000_0004:
        words = _words(_BRAND[(number - 0x8000_0002) * 16 :][:16])
        return words[0], words[1], words[2], words[3]
    leaves = {
        0: (1, b, c, d),
        1: (_SIGNATURE, (core_index & 0xFF) << 24 | 8 << 8, _FEATURES_ECX, _FEATURES_EDX),
        0x8000_0000: (0x8000_0008, b, c, d),
        0x8000_0001: (_SIGNATURE, 0, _EXTENDED_ECX, _EXTENDED_EDX),
        0x8000_0007: (0, 0, 0, _INVARIANT_TSC),
        0x8000_0008: (48 << 8 | PHYS_BITS, 0, 0, 0),
    }
    return leaves.get(number, (0, 0, 0, 0))


def execute(state: CpuState) -> None:
    """CPUID (two bytes), counted as one instruction."""
    eax, ebx, ecx, edx = leaf(state.rax & 0xFFFF_FFFF, state.core_index)
    state.rax, state.rbx, state.rcx, state.rdx = eax, ebx, ecx, edx
    state.rip += 2
    state.instructions += 1
