"""Where a result may differ from the host's, and why: the one table of exceptions.

Three columns: flags that the manual leaves undefined (iced-x86 lists them for each instruction),
results that it leaves undefined, and what vendors do differently. What is not in the table is
compared to the bit.
"""

import functools
import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path

#: iced's own numbering of flags, lowest bit first.
_FLAG_NAMES = ("OF", "SF", "ZF", "AF", "CF", "PF")
_FLAG_BITS = (1 << 11, 1 << 7, 1 << 6, 1 << 4, 1 << 0, 1 << 2)


@dataclass(frozen=True)
class Exemption:
    """Encodings whose names match a pattern, and what is not compared."""

    pattern: str
    undefined_results: str = ""
    vendor_behaviour: str = ""


TABLE = (
    Exemption("SH[LR]D_RM16", undefined_results="target and flags for counts above 16: not drawn"),
    Exemption("(RCP|RSQRT)[SP]S_", vendor_behaviour="each within 1.5 / 4096 of the exact result"),
    Exemption(
        "BS[FR]_R32",
        vendor_behaviour="a source of zero: older processors clear the upper half of the target",
    ),
    Exemption(
        "MASKMOV(DQU|Q)_", vendor_behaviour="faults of bytes that the mask leaves out: not drawn"
    ),
    Exemption(
        "(MUL|DIV|ADD|SUB|ADDSUB|HADD|HSUB|CVTPD2P|CVTSD2S|DPP)[SPD]",
        undefined_results="PE beside an unmasked overflow or underflow: ours is of the infinite "
        "or denormal result",
    ),
    Exemption(
        "(FSIN|FCOS|FSINCOS|FPTAN|FPATAN|FYL2X|FYL2XP1|F2XM1)$",
        vendor_behaviour="each within one unit in the last place; pi has 66 bits in processors",
    ),
    Exemption(
        "(FSTP_M80FP|FBSTP)", vendor_behaviour="a fault of the last bytes: the first written"
    ),
    Exemption(
        "MOVNTQ|MASKMOVQ|MOVQ_MMM64_MM|MOVD_RM32_MM",
        vendor_behaviour="a fault: MMX state entered before it, or not",
    ),
    Exemption(
        "DPPS_", vendor_behaviour="which of several NaNs comes out: compared with Intel's only"
    ),
    Exemption(
        "FXSAVE|FXRSTOR|XSAVE|XRSTOR",
        vendor_behaviour="pointers without a pending exception, which AMD leaves out: compared "
        "with Intel's only",
    ),
    Exemption(
        "(CALL|JMP|J[A-Z]+)_REL(8_64|32_64)|RETNQ",
        vendor_behaviour="66h before it: 16 bits or nothing; not drawn",
    ),
    Exemption(
        "SYSCALL|SYSRET",
        vendor_behaviour="#UD in compatibility mode with Intel: AMD's, by bare images",
    ),
)
#: x87 stores in two pieces, and MMX stores that begin with the change of state.
WRITES_IN_TWO = re.compile("FSTP_M80FP|FBSTP")
ENTERS_MMX_EARLY = re.compile("MOVNTQ|MASKMOVQ|MOVQ_(MMM|R?M)64_MM|MOVD_RM32_MM")
_SCANS_BITS = re.compile("BS[FR]_R32")
_APPROXIMATE = re.compile("(RCP|RSQRT)[SP]S_")
#: Sticky flags of MXCSR; each has its mask seven bits above.
_OVERFLOW, _UNDERFLOW, _PRECISION = 1 << 3, 1 << 4, 1 << 5
#: Two results, each within the manual's bound.
_BOUND = 2 * 1.5 / 4096


@functools.cache
def host_is_intel() -> bool:
    """Whether the host is Intel's: where vendors differ and the core does as Intel."""
    return "GenuineIntel" in Path("/proc/cpuinfo").read_text().partition("flags")[0]


def flags_of(iced_bits: int) -> int:
    """RFLAGS bits of iced's flag bits."""
    return sum(flag for k, flag in enumerate(_FLAG_BITS) if iced_bits >> k & 1)


def columns(name: str, iced_bits: int) -> tuple[str, str, str]:
    """The three columns for an encoding: undefined flags, undefined results, vendors."""
    rows = [row for row in TABLE if re.match(row.pattern, name)]
    flags = " ".join(flag for k, flag in enumerate(_FLAG_NAMES) if iced_bits >> k & 1)
    results = "; ".join(row.undefined_results for row in rows if row.undefined_results)
    return flags, results, "; ".join(r.vendor_behaviour for r in rows if r.vendor_behaviour)


def same_half(name: str, want: int, got: int) -> bool:
    """Whether halves of a vector register agree as far as they must."""
    if want == got:
        return True
    pairs = list(zip(_floats(want), _floats(got), strict=True))
    if name.startswith("DPPS_") and not host_is_intel():
        return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)
    return bool(_APPROXIMATE.match(name)) and all(a == b or _close(a, b) for a, b in pairs)


def same_register(name: str, want: int, got: int) -> bool:
    """Whether a general register agrees as far as it must."""
    return want == got or (_SCANS_BITS.match(name) is not None and want == got & 0xFFFF_FFFF)


def same_mxcsr(want: int, got: int) -> bool:
    """Whether MXCSR agrees; the precision flag counts only without unmasked over- or underflow."""
    unmasked = want & ~(want >> 7) & (_OVERFLOW | _UNDERFLOW)
    return not (want ^ got) & ~(_PRECISION if unmasked else 0)


def _floats(half: int) -> tuple[float, float]:
    first, second = struct.unpack("<ff", half.to_bytes(8, "little"))
    return first, second


def _close(a: float, b: float) -> bool:
    """Within the bound of each other; or both so small that one of them may be zero."""
    if math.isnan(a) and math.isnan(b):
        return True
    return abs(a - b) <= _BOUND * max(abs(a), abs(b)) or max(abs(a), abs(b)) < 1.2e-38
