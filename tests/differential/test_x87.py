"""x87 across instructions, against the host: stack, pending exceptions, XSAVE areas."""

import ctypes
import os
import random
import struct

import pytest

from hw.cpu.exits import CpuException, IllegalInstruction
from hw.cpu.state import CpuState
from hw.spec.registers import CR0_TS, CR4_OSXSAVE
from tests.differential import comparison, forms, host, sequences, x87_state
from tests.differential.forms import Case
from tests.differential.guest import Guest
from tests.differential.host_features import host_executes

_PROGRAMS, _STATES = (2000, 20) if os.environ.get("MPK_LONG") else (150, 6)
_SEED = int(os.environ.get("MPK_SEED", "1"))
_SLOT = 256
#: What approximates, or shows more of the last instruction than processors agree on.
_WITHOUT = ("FSIN", "FCOS", "FPTAN", "FPATAN", "FYL2X", "F2XM1", "FNSTENV", "FNSAVE", "FXSAVE")
_AREA = host.DATA + 64


def _program(names: list[str], rng: random.Random, ip: int) -> Case:
    """Two to eight x87 instructions."""
    pinned: dict[int, int] = {}
    code, texts = b"", []
    for _ in range(rng.randint(2, 8)):
        case = forms.make(rng.choice(names), rng, ip, sequences.POOL)
        if case is not None and all(pinned.get(k, v) == v for k, v in case.pinned.items()):
            pinned |= case.pinned
            code += case.code
            texts.append(case.text)
    return Case("FPROGRAM", code, pinned, 0, " | ".join(texts))


def test_programs_agree_with_the_host(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_SLOT", _SLOT)
    rng = random.Random(_SEED)
    names = [n for n in forms.claimed() if n.startswith(("F", "WAIT")) and "RSTOR" not in n]
    names = [n for n in names if not n.startswith(_WITHOUT) and host_executes(n)]
    work: comparison.Work = []
    for number in range(_PROGRAMS):
        case = _program(names, rng, host.CODE + number * _SLOT)
        work.append((case, comparison.states_for(case, _STATES, rng)))
    lines = comparison.failures(guest, work, oracle=False)
    # each program counts more than the one instruction that comparison expects
    assert [line for line in lines if "; " in line or not line.endswith("counted")] == []


def _same_on_both(guest: Guest, code: bytes, data: bytes, gpr: list[int], x87: bytes) -> bytes:
    """Run code on host and guest; their data, which must agree up to the XSAVE header."""

    def on_host() -> tuple[dict[str, object], bytes]:
        machine = host.Host()
        ending = b"\xff\x25\0\0\0\0" + machine.back.to_bytes(8, "little")
        whole = code + ending
        ctypes.memmove(host.CODE, whole, len(whole))
        ctypes.memmove(host.DATA, data, len(data))
        result = machine.run(host.CODE, gpr, 0x202, list(range(32)), 0x1FA0, x87)
        return result, ctypes.string_at(host.DATA, host.DATA_SIZE)

    want, after = host.in_child(on_host)
    guest.put_code(0, code + b"\x0f\x0b")
    guest.put_data(data)
    got = guest.run(host.CODE, gpr, 0x202, list(range(32)), 0x1FA0, x87)
    for name in ("signal", "xmm", "mxcsr"):
        assert got[name] == want[name], name
    if want["signal"]:
        assert got["trap"] == want["trap"]
    assert x87_state.differences(want["x87"], got["x87"]) == []
    ours = guest.data()
    assert ours[:576] == after[:576]
    assert ours[640:] == after[640:]
    return ours


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("name", ["xsave", "xsave64", "xsaveopt64"])
def test_xsave(guest: Guest, name: str, parts: int) -> None:
    code = {"xsave": b"\x0f\xae\x27", "xsave64": b"\x48\x0f\xae\x27",
            "xsaveopt64": b"\x48\x0f\xae\x37"}[name]  # fmt: skip
    rng = random.Random(parts)
    gpr = [rng.getrandbits(64) for _ in range(16)]
    gpr[0], gpr[2], gpr[7] = parts, 0, _AREA
    # an empty header, or XSAVE keeps what it says of other parts
    data = rng.randbytes(576) + bytes(64) + rng.randbytes(host.DATA_SIZE - 640)
    ours = _same_on_both(guest, code, data, gpr, x87_state.random_state(rng))
    assert ours[576] == parts


@pytest.mark.parametrize("present", [0, 1, 2, 3, 0x8000_0000_0000_0003, 7 << 60])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_xrstor(guest: Guest, parts: int, present: int) -> None:
    rng = random.Random(present + parts)
    image = x87_state.random_state(rng)
    image = image[:24] + struct.pack("<II", 0x1F80 | rng.getrandbits(6), 0) + image[32:]
    area = image + rng.randbytes(256) + bytes(96) + struct.pack("<Q", present) + bytes(56)
    gpr = [rng.getrandbits(64) for _ in range(16)]
    gpr[0], gpr[2], gpr[7] = parts, 0, _AREA
    data = bytes(64) + area + rng.randbytes(host.DATA_SIZE - 64 - len(area))
    _same_on_both(guest, b"\x0f\xae\x2f", data, gpr, x87_state.random_state(rng))


def _start(guest: Guest, code: bytes) -> CpuState:
    guest.put_code(0, code + b"\x0f\x0b")
    state = guest.core.state
    state.gpr[:] = [0] * 16
    state.rip, state.rflags, state.flag_kind, state.rdi = host.CODE, 0x202, 0, _AREA
    return state


def test_xgetbv_tells_what_is_saved(guest: Guest) -> None:
    state = _start(guest, b"\x0f\x01\xd0")
    assert isinstance(guest.core.run(), IllegalInstruction)
    assert (state.rax, state.rdx) == (3, 0)
    state = _start(guest, b"\x0f\x01\xd0")
    state.rcx = 2
    assert guest.core.run() == CpuException(13, 0)


def test_xsetbv_is_privileged_and_checked(guest: Guest) -> None:
    for cpl, value, want in ((3, 3, False), (0, 2, False), (0, 7, False), (0, 1, True)):
        state = _start(guest, b"\x0f\x01\xd1")
        state.cpl, state.rax = cpl, value
        end = guest.core.run()
        state.cpl = 3
        assert isinstance(end, IllegalInstruction) is want, (cpl, value)
    assert guest.core.state.xcr0 == 1
    guest.core.state.xcr0 = 3


def test_without_osxsave_there_is_no_xsave(guest: Guest) -> None:
    state = _start(guest, b"\x0f\xae\x27")
    state.cr4 &= ~CR4_OSXSAVE
    end = guest.core.run()
    state.cr4 |= CR4_OSXSAVE
    assert isinstance(end, IllegalInstruction)
    assert state.rip == host.CODE


@pytest.mark.parametrize("code", [b"\xd9\xe8", b"\xdb\xe3", b"\x0f\x77", b"\x0f\xae\x07"])
def test_task_switched_is_device_not_available(guest: Guest, code: bytes) -> None:
    state = _start(guest, code)
    state.cr0 |= CR0_TS
    end = guest.core.run()
    state.cr0 &= ~CR0_TS
    assert end == CpuException(7, 0)
