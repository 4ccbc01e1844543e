"""Which exception a bad address raises, against the host CPU."""

import ctypes
from typing import Any

import pytest

from tests.differential import host
from tests.differential.assembly import assemble
from tests.differential.guest import Guest

_TEXTS = [
    "mov rax, [rsp]", "push rax", "ret", "leave", "enter 8, 0", "mov rax, [rbp + 8]",
    "mov rax, ds:[rsp]", "mov rax, es:[rbp]", "mov rax, [rdi + rsp]", "mov rax, ss:[rdi]",
    "mov rax, [rdi]", "mov [rdi], rax", "add [rdi], al", "lock inc dword ptr [rdi]",
    "xchg [rdi], al",
    "cmpxchg16b [rdi + 1]", "movsb", "rep stosq", "lodsd", "push [rdi]", "pop [rdi]", "hlt", "cli",
    "div qword ptr [rdi]", "int3", "ud2", "in al, dx", "int 0x81", "call [rdi]", "jmp [rdi]",
]  # fmt: skip
#: Addresses: not canonical at either end, unmapped, the last mapped bytes, the end of the space.
_ADDRESSES = [1 << 62, 1 << 47, (1 << 47) - 4, 0x6000_0000, host.DATA + 0x1FFD, (1 << 64) - 3]
#: From here on Linux hides what is mapped: it reports every page as present.
_TASK_SIZE = (1 << 47) - 4096
_KEPT = ("push [rdi]", "pop [rdi]", "call [rdi]", "jmp [rdi]")


def _registers(text: str, address: int) -> list[int]:
    gpr = [address] * 16
    gpr[1] = 3
    if text in _KEPT:
        gpr[4] = host.DATA + 0x800
    return gpr


@pytest.mark.parametrize("text", _TEXTS)
def test_exception_of_a_bad_address(guest: Guest, text: str) -> None:
    code = assemble(text)

    def run() -> list[dict[str, Any]]:
        machine = host.Host()
        whole = code + b"\xff\x25\0\0\0\0" + machine.back.to_bytes(8, "little")
        ctypes.memmove(host.CODE, whole, len(whole))
        results = []
        for address in _ADDRESSES:
            ctypes.memset(host.DATA, 0, host.DATA_SIZE)
            results.append(machine.run(host.CODE, _registers(text, address), 0x202))
        return results

    guest.put_code(0, code + b"\x0f\x0b")
    for address, want in zip(_ADDRESSES, host.in_child(run), strict=True):
        guest.put_data(bytes(host.DATA_SIZE))
        got = guest.run(host.CODE, _registers(text, address), 0x202)
        trap = want.get("trap")
        names = ["trap", "error", "rip", "gpr"] + (["cr2"] if trap == 14 else [])
        if not want["signal"]:
            names = ["signal", "gpr"]
        if trap == 14 and want["cr2"] >= _TASK_SIZE:
            want["error"], got["error"] = want["error"] | 1, got["error"] | 1
        if text == "ud2":
            names = ["rip", "gpr"]
        assert {n: got.get(n) for n in names} == {n: want[n] for n in names}, hex(address)
