"""How RDRAND leaves native code."""

from hw.cpu.exits import CpuException, Syscall
from hw.spec.registers import RFLAGS_TF
from hw.spec.vectors import DEBUG
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE, DATA


def test_it_can_be_single_stepped(guest: Guest):
    code = assemble("rdrand rax\nsyscall")
    guest.put_code(0, code)
    state = guest.core.state
    state.rax = 0
    state.rip, state.rsp, state.rflags, state.flag_kind = CODE, DATA + 0x800, 0x202 | RFLAGS_TF, 0
    assert guest.core.run() == CpuException(DEBUG, 0)
    assert state.rip == CODE + len(code) - 2
    assert state.rax != 0
    state.rflags &= ~RFLAGS_TF
    assert guest.core.run() == Syscall()
