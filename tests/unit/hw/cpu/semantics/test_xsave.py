"""XSAVE saves what is asked for; XRSTOR clears what was not in use."""

from tests.differential.guest import Guest
from tests.support.x87_run import execute


def test_only_what_is_asked_for(guest: Guest) -> None:
    text = "fld1\nmovq xmm0, [rbx + 1024]\nmov eax, 2\nxor edx, edx\nxsave [rbx]"
    execute(guest, text, bytes(1024) + b"12345678")
    data = guest.data()
    assert data[:24] == bytes(24)
    assert data[160:168] == b"12345678"
    assert data[512:520] == b"\2".ljust(8, b"\0")


def test_what_was_not_in_use_is_cleared(guest: Guest) -> None:
    text = """fld1\nmovq xmm0, [rbx + 1024]\nmov eax, 3\nxor edx, edx
        mov dword ptr [rbx + 24], 0x1F80\nxrstor [rbx]"""
    state = execute(guest, text, bytes(1024) + b"12345678")
    assert (state.fpu_control, state.fpu_tags, state.fpu_status) == (0x37F, 0, 0)
    assert set(state.x87) == set(state.xmm) == {0}
