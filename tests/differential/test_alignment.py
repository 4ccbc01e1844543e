"""Which accesses raise #AC: the host's processor is asked the same as bare kernels are."""

import ctypes
import faulthandler
import mmap
import os
import signal

import pytest

from tests.bare.state_rules import CHECKED, UNCHECKED
from tests.differential.assembly import assemble

_SWITCH = "pushfq\n{} dword ptr [rsp], {:#x}\npopfq\n"
_ON, _OFF = _SWITCH.format("or", 0x40000), _SWITCH.format("and", 0xFFFBFFFF)


def raises(text: str) -> bool:
    """Whether the host raises #AC (Linux: SIGBUS); rbx, rsi and rdi are aligned."""
    data = mmap.mmap(-1, 3 * mmap.PAGESIZE)
    place = ctypes.addressof(ctypes.c_char.from_buffer(data))
    code = assemble(
        f"push rbx\nmov rbx, {place}\nfnsave [rbx + 4]\nmov rsi, rbx\nlea rdi, [rbx + 0x100]\n"
        f"{_ON}{text}\n{_OFF}pop rbx\nret"
    )
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    pid = os.fork()
    if not pid:
        faulthandler.disable()
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGBUS), f"{text}: {status:#x}"
    return bool(status)


@pytest.fixture(scope="module", autouse=True)
def _host_checks_alignment() -> None:
    if not raises("mov ecx, [rbx + 1]"):
        pytest.skip("the host's kernel has CR0.AM clear")


@pytest.mark.parametrize("text", CHECKED)
def test_a_misaligned_access(text: str) -> None:
    assert raises(text)


@pytest.mark.parametrize("text", UNCHECKED)
def test_an_access_that_is_aligned_or_need_not_be(text: str) -> None:
    assert not raises(text)
