"""Runs machine code in Unicorn: the oracle of forms that the host's processor does not have.

The interface is that of tests.differential.host, without a child: nothing in it runs wild.
Registers of x87 and SSE go in and out by FXRSTOR and FXSAVE, which the emulator executes.

Unicorn is QEMU of 2020. It checks no alignment, keeps no sticky flags of SSE, and has mistakes of
its own: MISTAKES and ``trusted`` say what of its answers counts; the rest is held against a host
that has the forms (tests/differential/test_emulator.py).
"""

import ctypes
import math
import re
import struct
from typing import Any, Final

import unicorn
from unicorn import x86_const as x86

from hw.spec.registers import GPR_NAMES, RFLAGS_CF, RFLAGS_STATUS
from tests.differential.forms import Case
from tests.differential.host import (
    CODE,
    CODE_SIZE,
    DATA,
    DATA_SIZE,
    IMAGE,
    IMAGE_SIZE,
    INITIAL_X87,
    RECORD,
)

#: Encodings that Unicorn gets wrong, and how; what the manual says stands in the unit tests.
MISTAKES: Final = {
    "VEX_BZHI_": "keeps a bit too many",
    "VEX_PDEP_R32_": "leaves bits above 32",
    "VEX_BEXTR_R32_": "a start above 31",
    "VEX_RORX_": "takes all eight bits of the count",
    "DPP[SD]_": "adds in another order",
    r"PCMPESTR[IM]64_": "lengths above 32 bits",
    "FISTTP_": "pops an empty register, sets no PE",
}
_IS_MISTAKEN: Final = re.compile("|".join(MISTAKES))
_IS_FLOAT: Final = re.compile("(HADD|HSUB|ADDSUB|ROUND)[PS][SD]_")
_DAZ_OR_FZ: Final = 1 << 6 | 1 << 15
_EQUAL_ORDERED: Final = 3 << 2

_GPRS: Final = [getattr(x86, f"UC_X86_REG_{name.upper()}") for name in GPR_NAMES]
_PAGE: Final = 4096
#: In the record's page: FXRSTOR64 and FXSAVE64 of the image.
_LOAD: Final = RECORD + 0x100
_SAVE: Final = RECORD + 0x180
_MXCSR_AT: Final = 24
_WRITES: Final = (unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)


class Emulator:
    """A Unicorn with code and data where the host and the guest have them."""

    def __init__(self) -> None:
        self._engine = engine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        engine.ctl_set_cpu_model(x86.UC_CPU_X86_EPYC_ROME)
        for at, size in ((RECORD, _PAGE), (CODE, CODE_SIZE), (DATA, DATA_SIZE)):
            engine.mem_map(at, size)
        place = IMAGE.to_bytes(4, "little")
        engine.mem_write(_LOAD, b"\x48\x0f\xae\x0c\x25" + place)
        engine.mem_write(_SAVE, b"\x48\x0f\xae\x04\x25" + place)
        self._fault: dict[str, int] = {}
        engine.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_memory)
        engine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        engine.hook_add(unicorn.UC_HOOK_INSN_INVALID, self._on_invalid)

    def _on_memory(
        self, _engine: Any, kind: int, address: int, _size: int, _value: int, _data: Any
    ) -> bool:
        error = 6 if kind in _WRITES else 4
        self._fault = {"signal": 11, "trap": 14, "error": error, "cr2": address}
        return False

    def _on_exception(self, engine: Any, vector: int, _data: Any) -> None:
        self._fault = {"signal": 8 if vector in (0, 16, 19) else 11, "trap": vector, "error": 0}
        engine.emu_stop()

    def _on_invalid(self, _engine: Any, _data: Any) -> bool:
        self._fault = {"signal": 4, "trap": 6, "error": 0}
        return False

    def run(self, code_at: int, code: bytes, start: Any, data: bytes) -> dict[str, Any]:
        """Run code from a starting state; registers, flags, fault and data, as on the host."""
        engine = self._engine
        engine.mem_write(code_at, code)
        engine.mem_write(DATA, data)
        image = bytearray(with_mmx_state(start.x87).ljust(IMAGE_SIZE, b"\0"))
        image[len(INITIAL_X87) : len(INITIAL_X87) + 256] = struct.pack("<32Q", *start.xmm)
        engine.mem_write(IMAGE, bytes(image))
        engine.emu_start(_LOAD, 0, count=1)
        engine.reg_write(x86.UC_X86_REG_MXCSR, start.mxcsr)
        for register, value in zip(_GPRS, start.gpr, strict=True):
            engine.reg_write(register, value)
        engine.reg_write(x86.UC_X86_REG_RFLAGS, start.rflags)
        self._fault = {}
        try:
            engine.emu_start(code_at, code_at + len(code))
        except unicorn.UcError:
            assert self._fault, "the emulator gave up without an exception"
        result = {
            "gpr": [engine.reg_read(register) for register in _GPRS],
            "rflags": engine.reg_read(x86.UC_X86_REG_RFLAGS),
            "rip": engine.reg_read(x86.UC_X86_REG_RIP),
            "data": bytes(engine.mem_read(DATA, DATA_SIZE)),
        }
        fault = self._fault or {"signal": 0}
        engine.emu_start(_SAVE, 0, count=1)
        image = engine.mem_read(IMAGE, IMAGE_SIZE)
        result["mxcsr"] = int.from_bytes(image[_MXCSR_AT : _MXCSR_AT + 4], "little")
        result["xmm"] = list((ctypes.c_uint64 * 32).from_buffer(image, len(INITIAL_X87)))
        result["mmx"] = _significands(bytes(image))
        return result | fault


def with_mmx_state(image: bytes) -> bytes:
    """The x87 state that an MMX instruction makes of another: TOP 0, all registers full."""
    top = image[3] >> 3 & 7
    registers = [image[32 + 16 * i : 48 + 16 * i] for i in range(8)]
    in_order = registers[-top:] + registers[:-top] if top else registers
    head = image[:3] + bytes([image[3] & ~0x38, 0xFF]) + image[5:32]
    return head + b"".join(in_order)


def _significands(image: bytes) -> list[int]:
    """MM0 to MM7 of an image whose TOP is 0."""
    return [int.from_bytes(image[32 + 16 * i : 40 + 16 * i], "little") for i in range(8)]


def knows(name: str) -> bool:
    """Whether Unicorn can say what an encoding does."""
    return not _IS_MISTAKEN.match(name)


def trusted(case: Case, start: Any) -> bool:
    """Whether Unicorn does, from this state, what processors do."""
    if not knows(case.name):
        return False
    if _IS_FLOAT.match(case.name):
        return not start.mxcsr & _DAZ_OR_FZ
    if case.name.startswith(("PCMPESTR", "PCMPISTR")):
        return case.code[-1] & _EQUAL_ORDERED != _EQUAL_ORDERED
    if case.name.startswith(("PHADD", "PHSUB")):
        first, _, second = case.text.partition(" ")[2].partition(",")
        return first != second
    return True


def differences(case: Case, want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """What differs between the emulator (``want``) and the core, in words.

    A fault is compared as far as that memory is not there: alignment and the exceptions of floats
    are the core's to find, and how far a faulting instruction came is each processor's own.
    """
    if got["signal"] and got["trap"] != 14:
        return [] if got["trap"] in (13, 16, 19) else [f"trap {got['trap']}"]
    if want["signal"] or got["signal"]:
        missed = got["signal"] and not want["signal"]
        return [f"page fault at {got['cr2']:#x}"] if missed else []
    found = [
        f"{GPR_NAMES[k]}: {want['gpr'][k]:#x}, not {got['gpr'][k]:#x}"
        for k in range(16)
        if want["gpr"][k] != got["gpr"][k]
    ]
    undefined = case.undefined | (RFLAGS_CF if case.name.startswith("VEX_BLSI_") else 0)
    if (want["rflags"] ^ got["rflags"]) & RFLAGS_STATUS & ~undefined:
        found.append(f"rflags: {want['rflags']:#x}, not {got['rflags']:#x}")
    found += [
        f"xmm{k // 2} half {k % 2}: {want['xmm'][k]:#x}, not {got['xmm'][k]:#x}"
        for k in range(32)
        if not _same_half(case.name, want["xmm"][k], got["xmm"][k])
    ]
    if case.uses_x87 and want["mmx"] != _significands(got["x87"]):
        found.append(f"mmx: {want['mmx']}, not {_significands(got['x87'])}")
    if want["data"] != got["data"]:
        found.append("data")
    return found


def _same_half(name: str, want: int, got: int) -> bool:
    """Whether halves of a vector register agree; one NaN is as good as another."""
    if want == got or not _IS_FLOAT.match(name):
        return want == got
    layout = "<2f" if "PS_" in name or "SS_" in name else "<d"
    pairs = [struct.unpack(layout, half.to_bytes(8, "little")) for half in (want, got)]
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(*pairs, strict=True))
