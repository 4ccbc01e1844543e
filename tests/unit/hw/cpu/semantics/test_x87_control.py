"""Control word, environment, #MF at the next waiting instruction."""

import struct

from hw.cpu.exits import CpuException
from hw.cpu.semantics import x87_control
from hw.cpu.state import CpuState
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support.x87_run import execute


def test_the_environment_tells_the_state(guest: Guest) -> None:
    state = execute(guest, "fldz\nfld1\nfnstenv [rbx]")
    words = struct.unpack_from("<7I", guest.data())
    assert [word & 0xFFFF for word in words[:3]] == [0x37F, 6 << 11, 0x4FFF]
    assert words[3] == CODE + 2
    assert state.fpu_control == 0x37F


def test_save_and_restore(guest: Guest) -> None:
    state = execute(guest, "fldpi\nfld1\nfsave [rbx]\nfrstor [rbx]")
    assert (state.fpu_status, state.fpu_tags) == (6 << 11, 0b1100_0000)
    assert list(state.x87[12:]) == [1 << 63, 0x3FFF, 0xC90F_DAA2_2168_C235, 0x4000]


def test_an_unmasked_exception_waits_for_the_next_instruction(guest: Guest) -> None:
    state = execute(guest, "nop")
    guest.put_code(64, assemble("fldcw [rbx]\nfld1\nfldz\nfdivp\nmov eax, 7\nfnstcw [rbx]\nfwait"))
    guest.put_data(struct.pack("<H", 0x37B).ljust(64, b"\0"))
    state.rip = CODE + 64
    assert guest.core.run() == CpuException(16, 0)
    assert state.rax == 7
    assert state.fpu_status & 0x84 == 0x84


def test_unmasking_makes_an_old_exception_pending() -> None:
    s = CpuState()
    s.fpu_control, s.fpu_status = 0x37F, 4
    x87_control.set_control(s, 0x37B)
    assert s.fpu_status == 0x8084
    x87_control.set_control(s, 0xFFFF)
    assert (s.fpu_control, s.fpu_status) == (0x1F7F, 4)


def test_tag_words_tell_what_is_in_a_register() -> None:
    s = CpuState()
    s.fpu_tags = 0b0000_0111
    s.x87[0], s.x87[1] = 1 << 63, 0x3FFF
    s.x87[2], s.x87[3] = 1 << 63, 0x7FFF
    assert x87_control.tag_word(s) == 0b11_11_11_11_11_01_10_00
    x87_control.set_tag_word(s, 0xFFF2)
    assert s.fpu_tags == 0b0000_0010 | 1
