"""A region that spans pages runs only while they are what it was made from."""

from hw.cpu.exits import PageFault, Syscall
from hw.spec.paging import FAULT_FETCH, FAULT_USER
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support import hot_code

#: Calls a function of the next page 5,000 times.
TEXT = """
 xor eax, eax
 mov ecx, 5000
again: call far_away
 dec ecx
 jnz again
 syscall
.balign 4096
far_away: add rax, 2
 ret
"""


def result(guest: Guest) -> int:
    hot_code.point(guest)
    assert hot_code.run(guest)[0] == Syscall()
    total: int = guest.core.state.rax
    return total


def spanning(guest: Guest) -> None:
    hot_code.start(guest, TEXT)
    made = hot_code.make_region(guest)
    assert len(made.shape.pages()) == 1
    assert result(guest) == 10_000


def test_a_write_to_the_other_page_is_seen(guest: Guest) -> None:
    spanning(guest)
    guest.put_code(4096, assemble("add rax, 7"))
    assert result(guest) == 35_000


def test_another_frame_there_is_seen(guest: Guest) -> None:
    spanning(guest)
    frame = 0x300_0000
    guest.map(CODE + 4096, frame, 4096)
    guest.put_code(frame - guest.CODE_FRAMES, assemble("add rax, 9\nret"))
    guest.core.flush_page(CODE + 4096)
    assert result(guest) == 45_000


def test_a_page_that_is_gone_faults_at_the_call(guest: Guest) -> None:
    spanning(guest)
    guest.map(CODE + 4096, 0, 4096, 0)
    guest.core.flush_page(CODE + 4096)
    hot_code.point(guest)
    cr2 = guest.core.state.cr2
    assert hot_code.run(guest) == (PageFault(CODE + 4096, FAULT_FETCH | FAULT_USER), 3)
    assert guest.core.state.rcx == 5000
    assert cr2 != guest.core.state.cr2
