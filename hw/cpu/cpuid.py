"""What CPUID answers: exactly what the core has, whatever the host is.

FEATURES is the one list of what is claimed. Where iced-x86 ties instructions to a feature, the name
is iced's: a test walks all of iced's codes and demands that those of a claimed feature execute and
those of others are #UD.

Spec: AMD64 APM vol. 3, appendix E.
State: none but the registers of the asking core. Context: Python.
"""

from typing import Final

from hw.cpu.semantics.xsave import AREA_SIZE
from hw.cpu.state import CpuState
from hw.irq.party import PARTIES, core_count
from hw.spec.paging import PHYS_BITS
from hw.spec.registers import CR4_OSXSAVE, XCR0_SSE, XCR0_X87

_VENDOR: Final = b"AuthenticAMD"
_BRAND: Final = b"mpkernel process core".ljust(48, b"\0")
#: Family 17h, model 31h, stepping 0.
_SIGNATURE: Final = 0x0083_0F10
_EAX, _EBX, _ECX, _EDX = 0, 1, 2, 3

#: OSXSAVE follows from CR4.
_OSXSAVE_BIT: Final = 27
#: Subleaf 0 tells what XSAVE saves, subleaf 1 has features.
_SAVE_LEAF: Final = 0xD

#: Feature -> (leaf, register, bit) for each place where it is claimed.
FEATURES: Final[dict[str, tuple[tuple[int, int, int], ...]]] = {
    "FPU": ((1, _EDX, 0), (0x8000_0001, _EDX, 0)),
    "DE": ((1, _EDX, 2), (0x8000_0001, _EDX, 2)),
    "PSE": ((1, _EDX, 3), (0x8000_0001, _EDX, 3)),
    "TSC": ((1, _EDX, 4), (0x8000_0001, _EDX, 4)),
    "MSR": ((1, _EDX, 5), (0x8000_0001, _EDX, 5)),
    "PAE": ((1, _EDX, 6), (0x8000_0001, _EDX, 6)),
    "MCE": ((1, _EDX, 7), (0x8000_0001, _EDX, 7)),
    "CX8": ((1, _EDX, 8), (0x8000_0001, _EDX, 8)),
    "APIC": ((1, _EDX, 9), (0x8000_0001, _EDX, 9)),
    "SEP": ((1, _EDX, 11),),
    "MTRR": ((1, _EDX, 12), (0x8000_0001, _EDX, 12)),
    "PGE": ((1, _EDX, 13), (0x8000_0001, _EDX, 13)),
    "MCA": ((1, _EDX, 14), (0x8000_0001, _EDX, 14)),
    "CMOV": ((1, _EDX, 15), (0x8000_0001, _EDX, 15)),
    "PAT": ((1, _EDX, 16), (0x8000_0001, _EDX, 16)),
    "CLFSH": ((1, _EDX, 19),),
    "MMX": ((1, _EDX, 23), (0x8000_0001, _EDX, 23)),
    "FXSR": ((1, _EDX, 24), (0x8000_0001, _EDX, 24)),
    "SSE": ((1, _EDX, 25),),
    "SSE2": ((1, _EDX, 26),),
    "SSE3": ((1, _ECX, 0),),
    "MONITOR": ((1, _ECX, 3),),
    "SSSE3": ((1, _ECX, 9),),
    "CMPXCHG16B": ((1, _ECX, 13),),
    "PCID": ((1, _ECX, 17),),
    "SSE4_1": ((1, _ECX, 19),),
    "SSE4_2": ((1, _ECX, 20),),
    "MOVBE": ((1, _ECX, 22),),
    "POPCNT": ((1, _ECX, 23),),
    "XSAVE": ((1, _ECX, 26),),
    "OSXSAVE": ((1, _ECX, _OSXSAVE_BIT),),
    "XSAVEOPT": ((_SAVE_LEAF, _EAX, 0),),
    "RDRAND": ((1, _ECX, 30),),
    "hypervisor": ((1, _ECX, 31),),
    "FSGSBASE": ((7, _EBX, 0),),
    "BMI1": ((7, _EBX, 3),),
    "SMEP": ((7, _EBX, 7),),
    "BMI2": ((7, _EBX, 8),),
    "INVPCID": ((7, _EBX, 10),),
    "RDSEED": ((7, _EBX, 18),),
    "ADX": ((7, _EBX, 19),),
    "SMAP": ((7, _EBX, 20),),
    "UMIP": ((7, _ECX, 2),),
    "SYSCALL": ((0x8000_0001, _EDX, 11),),
    "NX": ((0x8000_0001, _EDX, 20),),
    "1 GiB pages": ((0x8000_0001, _EDX, 26),),
    "RDTSCP": ((0x8000_0001, _EDX, 27),),
    "X64": ((0x8000_0001, _EDX, 29),),
    "LAHF in long mode": ((0x8000_0001, _ECX, 0),),
    "LZCNT": ((0x8000_0001, _ECX, 5),),
    "PREFETCHW": ((0x8000_0001, _ECX, 8),),
    "invariant TSC": ((0x8000_0007, _EDX, 8),),
}
_LAST: Final = 0xD
_LAST_EXTENDED: Final = 0x8000_0008
_LINE: Final = 64
#: 8000_0005: first-level caches of 32 KiB, 8 ways (C libraries choose copy loops by the sizes).
_LEVEL_1: Final = 32 << 24 | 8 << 16 | 1 << 8 | _LINE
#: 8000_0006: 512 KiB, 8 ways; 16 MiB (in units of 512 KiB), 16 ways.
_LEVEL_2: Final = 512 << 16 | 6 << 12 | 1 << 8 | _LINE
_LEVEL_3: Final = 32 << 18 | 8 << 12 | 1 << 8 | _LINE

Leaf = tuple[int, int, int, int]


def _words(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4))


def _features(number: int) -> Leaf:
    """The bits that FEATURES puts into a leaf."""
    registers = [0, 0, 0, 0]
    for places in FEATURES.values():
        for leaf_number, register, bit in places:
            if leaf_number == number:
                registers[register] |= 1 << bit
    return registers[0], registers[1], registers[2], registers[3]


def _id_bits() -> int:
    """Bits of an APIC id that tell the package's cores apart; ids may be sparse."""
    return max((PARTIES[core].apic_id for core in range(core_count())), default=0).bit_length()


def _topology(level: int, apic_id: int) -> Leaf:
    """Leaf 0Bh: one thread a core, all cores in one package."""
    if level == 0:
        return 0, 1, 1 << 8, apic_id
    if level == 1:
        return _id_bits(), max(core_count(), 1), 2 << 8 | 1, apic_id
    return 0, 0, level, apic_id


def leaf(number: int, subleaf: int, apic_id: int) -> Leaf:
    """eax, ebx, ecx, edx of a leaf on the core with an APIC id; zeros where there is none."""
    b, d, c = _words(_VENDOR)
    if 0x8000_0002 <= number <= 0x8000_0004:
        words = _words(_BRAND[(number - 0x8000_0002) * 16 :][:16])
        return words[0], words[1], words[2], words[3]
    if number == 7 and subleaf:
        return 0, 0, 0, 0
    if number == _SAVE_LEAF and subleaf != 1:
        return (XCR0_X87 | XCR0_SSE, AREA_SIZE, AREA_SIZE, 0) if subleaf == 0 else (0, 0, 0, 0)
    eax, ebx, ecx, edx = _features(number)
    leaves = {
        0: (_LAST, b, c, d),
        1: (_SIGNATURE, (apic_id & 0xFF) << 24 | _LINE // 8 << 8, ecx, edx),
        5: (_LINE, _LINE, 3, 0x11),  # MONITOR: bytes of a line; MWAIT has bit 0 of ecx
        0xB: _topology(subleaf, apic_id),
        0x8000_0000: (_LAST_EXTENDED, b, c, d),
        0x8000_0001: (_SIGNATURE, 0, ecx, edx),
        0x8000_0005: (0, 0, _LEVEL_1, _LEVEL_1),
        0x8000_0006: (0, 0, _LEVEL_2, _LEVEL_3),
        0x8000_0008: (48 << 8 | PHYS_BITS, 0, _id_bits() << 12 | max(core_count(), 1) - 1, 0),
    }
    return leaves.get(number, (eax, ebx, ecx, edx))


def execute(state: CpuState) -> None:
    """CPUID (two bytes), counted as one instruction."""
    apic_id = PARTIES[state.core_index].apic_id
    eax, ebx, ecx, edx = leaf(state.rax & 0xFFFF_FFFF, state.rcx & 0xFFFF_FFFF, apic_id)
    if state.rax & 0xFFFF_FFFF == 1 and not state.cr4 & CR4_OSXSAVE:
        ecx &= ~(1 << _OSXSAVE_BIT)
    state.rax, state.rbx, state.rcx, state.rdx = eax, ebx, ecx, edx
    state.rip += 2
    state.instructions += 1
