"""Runs cases on the host, on the core and through the oracle, and compares what they leave.

Forms that the host's processor does not have run in an emulator instead of on the host.
"""

import ctypes
import functools
import random
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from iced_x86 import Decoder

from hw.spec.registers import (
    GPR_NAMES,
    RFLAGS_AC,
    RFLAGS_DF,
    RFLAGS_ID,
    RFLAGS_NT,
    RFLAGS_STATUS,
)
from tests.differential import emulator, forms, host, x87_state
from tests.differential.exceptions import (
    ENTERS_MMX_EARLY,
    WRITES_IN_TWO,
    same_half,
    same_mxcsr,
    same_register,
)
from tests.differential.guest import Guest
from tests.differential.host_features import host_executes

#: Flags that are compared where they are defined.
_COMPARED = RFLAGS_STATUS | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_ID
_IF_AND_FIXED = 0x202
_SLOT = 64
#: Functions that each processor approximates its own way.
_APPROXIMATE = re.compile("FSIN|FCOS|FSINCOS|FPTAN|FPATAN|FYL2X|FYL2XP1|F2XM1")
#: Areas that processors read or write in an order of their own: a fault's page is compared only.
_IN_PIECES = re.compile(r"F(N?ST|LD)ENV|FN?SAVE|FRSTOR|FX|XSAVE|XRSTOR")


@dataclass
class State:
    """What an instruction starts from."""

    gpr: list[int]
    rflags: int
    seed: int  #: of the data
    xmm: list[int]
    mxcsr: int
    x87: bytes = host.INITIAL_X87


def states_for(case: forms.Case, count: int, rng: random.Random) -> list[State]:
    """Random starting states that suit a case's operands."""
    states = []
    for _ in range(count):
        gpr = [forms.value(rng) for _ in range(16)]
        gpr[4] = forms.data_address(rng) & ~7
        if case.name.startswith(("ENTER", "LEAVE")):
            gpr[5] = forms.data_address(rng)
        for number, value in case.pinned.items():
            gpr[number] = value
        rflags = _IF_AND_FIXED | (rng.getrandbits(12) & RFLAGS_STATUS)
        if case.name[:4] in ("MOVS", "STOS", "LODS", "SCAS", "CMPS") and rng.random() < 0.3:
            rflags |= RFLAGS_DF
        xmm = [forms.vector_half(rng) for _ in range(32)]
        mxcsr = 0x1F80 | rng.choice([0, 0, rng.getrandbits(6)])
        mxcsr |= rng.choice([0, rng.randrange(4) << 13, 1 << 15, 1 << 6])
        if rng.random() < 0.15:
            mxcsr &= ~(rng.getrandbits(6) << 7)
        x87 = x87_state.random_state(rng) if case.uses_x87 else host.INITIAL_X87
        states.append(State(gpr, rflags, rng.getrandbits(32), xmm, mxcsr, x87))
    return states


def data_for(case: forms.Case, state: State) -> bytes:
    """The data's bytes: random, or a short pattern; POPF gets no TF, NT or AC to load."""
    data = bytearray(random.Random(state.seed).randbytes(host.DATA_SIZE))
    if state.seed & 1:
        data = bytearray(data[:16] * (host.DATA_SIZE // 16))
    if case.uses_x87:
        operand = x87_state.operand(random.Random(state.seed))
        data = bytearray(operand * (host.DATA_SIZE // len(operand)))
    if case.name.startswith("POPF"):
        top = state.gpr[4] - host.DATA
        for offset, keep in ((1, 0xBE), (2, 0xF8)):
            if 0 <= top + offset < len(data):
                data[top + offset] &= keep
    return bytes(data)


Work = list[tuple[forms.Case, list[State]]]


def on_host(work: Work, *, left_out: Collection[int] = ()) -> list[dict[str, Any]]:
    """Results of all cases in order, from a child process; without those at some indices."""

    def run() -> list[dict[str, Any]]:
        machine = host.Host()
        ending = b"\xff\x25\0\0\0\0" + machine.back.to_bytes(8, "little")
        results = []
        for slot, (case, states) in enumerate(work):
            if slot in left_out:
                continue
            at = host.CODE + slot * _SLOT
            ctypes.memmove(at, case.code + ending, len(case.code) + len(ending))
            for state in states:
                data = data_for(case, state)
                ctypes.memmove(host.DATA, data, len(data))
                result = machine.run(at, state.gpr, state.rflags, state.xmm, state.mxcsr, state.x87)
                result["data"] = ctypes.string_at(host.DATA, host.DATA_SIZE)
                results.append(result)
        return results

    results: list[dict[str, Any]] = host.in_child(run)
    return results


@functools.cache
def _emulator() -> emulator.Emulator:
    return emulator.Emulator()


def _name_at(case: forms.Case, offset: int) -> str:
    """The encoding that stands in a case's code at an offset, or the case's name beyond it."""
    if not 0 <= offset < len(case.code):
        return case.name
    return forms.CODE_NAMES[Decoder(64, case.code[offset:]).decode().code]


def differences(
    case: forms.Case, start: State, want: dict[str, Any], got: dict[str, Any], at: int
) -> list[str]:
    """What differs, in words; ``at`` is where the code stood."""
    name = _name_at(case, want["rip"] - at) if want["signal"] else case.name
    found = [
        f"{GPR_NAMES[k]}: {want['gpr'][k]:#x}, not {got['gpr'][k]:#x}"
        for k in range(16)
        if not same_register(name, want["gpr"][k], got["gpr"][k])
    ]
    if (want["rflags"] ^ got["rflags"]) & _COMPARED & ~case.undefined:
        found.append(f"rflags: {want['rflags']:#x}, not {got['rflags']:#x}")
    found += [
        f"xmm{k // 2} half {k % 2}: {want['xmm'][k]:#x}, not {got['xmm'][k]:#x}"
        for k in range(32)
        if not same_half(name, want["xmm"][k], got["xmm"][k])
    ]
    if not same_mxcsr(want["mxcsr"], got["mxcsr"]):
        found.append(f"mxcsr: {want['mxcsr']:#x}, not {got['mxcsr']:#x}")
    if want["signal"] and ENTERS_MMX_EARLY.match(name):
        pass
    elif _APPROXIMATE.fullmatch(case.name):
        found += x87_state.approximate_differences(case.name, start.x87, want["x87"], got["x87"])
    else:
        found += x87_state.differences(want["x87"], got["x87"])
    names = ["signal"]
    if want["signal"]:
        names += ["trap", "error", "rip"] + (["cr2"] if want["trap"] == 14 else [])
    found += [f"{n}: {want.get(n)}, not {got.get(n)}" for n in names if want.get(n) != got.get(n)]
    if _IN_PIECES.match(name) and want.get("cr2", 0) >> 12 == got.get("cr2", 0) >> 12:
        found = [line for line in found if not line.startswith("cr2")]
    written = not (want["signal"] and WRITES_IN_TWO.match(name))
    if want["data"] != got["data"] and written:
        at = next(
            k for k, (a, b) in enumerate(zip(want["data"], got["data"], strict=True)) if a != b
        )
        found.append(f"data at {at:#x}")
    return found


def make_work(names: list[str], forms_each: int, states_each: int, seed: int) -> Work:
    """Cases for some encodings."""
    rng = random.Random(seed)
    work: Work = []
    for name in names:
        for _ in range(forms_each):
            case = forms.make(name, rng, host.CODE + len(work) * _SLOT)
            if case is not None:
                work.append((case, states_for(case, states_each, rng)))
    assert len(work) * _SLOT <= host.CODE_SIZE
    return work


def failures(guest: Guest, work: Work, *, oracle: bool) -> list[str]:
    """One line for each state where the core (or the oracle) and the host disagree."""
    return [line for _, _, line in failing(guest, work, oracle=oracle)]


def failing(
    guest: Guest, work: Work, *, oracle: bool, counts: bool = True
) -> list[tuple[int, State, str]]:
    """Index of the case, state and a line for each disagreement.

    ``counts``: the cases are single instructions, whose count is known.
    """
    emulated = {k for k, (case, _) in enumerate(work) if not host_executes(case.name)}
    reference = iter(on_host(work, left_out=emulated))
    for slot, (case, _) in enumerate(work):
        guest.put_code(slot * _SLOT, case.code + b"\x0f\x0b")
    lines = []
    for slot, (case, states) in enumerate(work):
        at = host.CODE + slot * _SLOT
        for state in states:
            data = data_for(case, state)
            if slot not in emulated:
                want = next(reference)
            elif emulator.trusted(case, state):
                want = _emulator().run(at, case.code, state, data)
            else:
                continue
            guest.put_data(data)
            if oracle:
                got = guest.run_oracle(at, case.code, state)
            else:
                got = guest.run(at, state.gpr, state.rflags, state.xmm, state.mxcsr, state.x87)
            got["data"] = guest.data()
            if slot in emulated:
                found = emulator.differences(case, want, got)
            else:
                found = differences(case, state, want, got, at)
            if counts and not oracle and got["count"] != (not got["signal"]):
                found.append(f"{got['count']} instructions counted")
            if found:
                line = f"{case.name} ({case.text}): {'; '.join(found)}"
                lines.append((slot, state, line))
    return lines
