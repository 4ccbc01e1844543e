"""x87 states for tests: random ones, and the FXSAVE image by which host and core exchange them."""

import random
import re
import struct
from fractions import Fraction
from typing import Any, Final

from hw.cpu.softfloat.number import INEXACT, ROUNDED_UP, UNDERFLOW, is_finite
from hw.cpu.state import CpuState
from tests.differential.exceptions import host_is_intel
from tests.support.long_numbers import BIAS, value_of

#: Bytes of an image that hold x87: header and ST(0) to ST(7).
SIZE: Final = 160
#: Where the header has MXCSR, which is compared by itself.
_HEADER: Final = struct.Struct("<HHBxHQQII")
_SUMMARY: Final = 0x8080
_TOP: Final = 1 << 63
_UPPER: Final = ~((1 << 47) - 1)


def number(rng: random.Random) -> bytes:
    """Ten bytes: any class of number."""
    sign = rng.getrandbits(1) << 15
    kind = rng.random()
    if kind < 0.25:
        exponent = rng.choice([0, 0, 1, 0x3FFE, 0x3FFF, 0x4000, 0x7FFE, 0x7FFF, 0x7FFF])
        special = [0, 1, _TOP, _TOP | 1, 3 << 62, (1 << 64) - 1, _TOP - 1, 5 << 61, 7 << 61 | 12345]
        return struct.pack("<QH", rng.choice(special), sign | exponent)
    m = rng.getrandbits(64) | _TOP
    if kind < 0.6:
        m &= ~((1 << rng.randrange(64)) - 1)
    if kind > 0.9:
        exponent = rng.choice([rng.randrange(64), rng.randrange(0x7FC0, 0x7FFF)])
    elif kind > 0.8:
        exponent = rng.randrange(0x7FFF)
    else:
        exponent = 0x3FFF + rng.randrange(-70, 70)
    return struct.pack("<QH", m if exponent else m >> rng.randrange(1, 64), sign | exponent)


def operand(rng: random.Random) -> bytes:
    """Sixteen bytes that mean something to some memory operand of x87."""
    kind = rng.randrange(5)
    if kind == 0:
        return number(rng).ljust(16, b"\0")
    if kind == 1:
        special = [0.0, -0.0, 1.5, -3.0, 1e-310, float("inf"), float("nan"), 2.0**-1022, 1e300]
        return struct.pack("<dd", rng.choice(special), rng.uniform(-9, 9))
    if kind == 2:
        special = [0.0, -0.0, 1.5, -3.0, 1e-42, float("inf"), float("nan"), 2.0**-126, 1e38]
        return struct.pack("<ffff", *(rng.choice(special) for _ in range(4)))
    if kind == 3:
        digits = "".join(rng.choice("0123456789") for _ in range(18))
        return bytes.fromhex(digits) + bytes([rng.choice([0, 0x80])]) + bytes(6)
    return rng.randbytes(16)


def random_state(rng: random.Random) -> bytes:
    """The first part of an FXSAVE image; some exceptions unmasked, seldom one pending."""
    control = 0x40 | rng.choice([0x3F, 0x3F, rng.getrandbits(6)])
    control |= rng.choice([0, 2, 3, 3, 3]) << 8 | rng.randrange(4) << 10
    status = rng.randrange(8) << 11 | rng.choice([0, rng.getrandbits(16) & 0x4700])
    status |= rng.choice([0, 0, rng.getrandbits(7)])
    if status & ~control & 0x3F:
        if rng.random() < 0.8:
            status &= ~0x3F
        else:
            status |= _SUMMARY
    tags = rng.choice([0xFF, 0xFF, rng.getrandbits(8), rng.getrandbits(8), 0])
    header = _HEADER.pack(control, status, tags, 0, 0, 0, 0x1F80, 0)
    return header + b"".join(number(rng).ljust(16, b"\0") for _ in range(8))


def put(state: CpuState, image: bytes) -> None:
    """Load an image into a core."""
    control, status, tags, opcode, rip, data, _, _ = _HEADER.unpack_from(image)
    state.fpu_control, state.fpu_status, state.fpu_tags = control, status, tags
    state.fpu_opcode, state.fpu_instruction, state.fpu_data = opcode, rip, data
    top = status >> 11 & 7
    for i in range(8):
        m, se = struct.unpack_from("<QQ", image, 32 + 16 * i)
        at = 2 * (top + i & 7)
        state.x87[at : at + 2] = [m, se]


def get(state: CpuState) -> bytes:
    """The image of a core's x87."""
    header = _HEADER.pack(
        state.fpu_control, state.fpu_status, state.fpu_tags, state.fpu_opcode,
        state.fpu_instruction, state.fpu_data, 0, 0,
    )  # fmt: skip
    words = list(state.x87)
    top = state.fpu_status >> 11 & 7
    words = words[2 * top :] + words[: 2 * top]
    return header + struct.pack("<16Q", *words)


def _number(image: bytes, i: int) -> tuple[int, int]:
    m, se = struct.unpack_from("<QH", image, 32 + 16 * i)
    return se, m


def out_of_range(name: str, start: bytes) -> bool:
    """Whether the manual leaves the result of F2XM1 or FYL2XP1 undefined."""
    if name not in ("F2XM1", "FYL2XP1"):
        return False
    exponent = _number(start, 0)[0] & 0x7FFF
    return exponent >= (0x3FFF if name == "F2XM1" else 0x3FFD)


def is_near(name: str, start: bytes, want: bytes, got: bytes, i: int) -> bool:
    """Whether two ST(i) agree within the manual's bound, one unit in the last place each.

    Processors reduce by a pi of 66 bits, so their sine and tangent are off by more for large x.
    """
    (se_a, m_a), (se_b, m_b) = _number(want, i), _number(got, i)
    if 0x7FFF in (se_a & 0x7FFF, se_b & 0x7FFF):
        return (se_a, m_a) == (se_b, m_b)
    a, b = value_of(se_a, m_a), value_of(se_b, m_b)
    allowed = 2 * Fraction(2) ** ((se_a & 0x7FFF or 1) - BIAS - 63)
    se_x, m_x = _number(start, 0)
    if name in ("FSIN", "FCOS", "FSINCOS", "FPTAN") and is_finite(se_x, m_x):
        allowed += abs(value_of(se_x, m_x)) * Fraction(2) ** -65 * (1 + a * a)
    return abs(a - b) <= allowed


def approximate_differences(name: str, start: bytes, want: bytes, got: bytes) -> list[str]:
    """As ``differences``, for a function that each processor approximates its own way.

    At the border of the tiny one of them sees an underflow; an exact result may be called inexact.
    """
    if out_of_range(name, start) or (want[2] ^ got[2]) & UNDERFLOW:
        return []
    found = []
    for line in differences(want, got, undefined=ROUNDED_UP | INEXACT | _SUMMARY):
        register = re.match(r"st\((\d)\)", line)
        if register is None or not is_near(name, start, want, got, int(register[1])):
            found.append(line)
    return found


def differences(want: bytes, got: bytes, *, undefined: int = 0) -> list[str]:
    """What differs, in words; ``undefined`` are status bits not to compare."""
    names = ("control", "status", "tags", "opcode", "instruction", "data")
    found = []
    # without a pending exception AMD keeps no pointer
    pointer = _UPPER if host_is_intel() or want[2] & 0x80 else -1
    values: list[tuple[Any, ...]] = [_HEADER.unpack_from(image) for image in (want, got)]
    for k, name in enumerate(names):
        # processors make a pointer that FXRSTOR loads canonical, by 48 or 57 bits
        ignored = {"status": undefined, "instruction": pointer}.get(name, 0)
        if name not in ("opcode", "data") and (values[0][k] ^ values[1][k]) & ~ignored:
            found.append(f"x87 {name}: {values[0][k]:#x}, not {values[1][k]:#x}")
    for i in range(8):
        a, b = (image[32 + 16 * i : 42 + 16 * i][::-1].hex() for image in (want, got))
        if a != b:
            found.append(f"st({i}): {a}, not {b}")
    return found
