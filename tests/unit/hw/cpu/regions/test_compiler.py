"""From a request to native code, and when there is none."""

from hw.cpu import code_cache
from hw.cpu.exits import Syscall
from hw.cpu.regions.compiler import Compiler
from hw.cpu.regions.record import REFUSED, REGIONS
from tests.differential.assembly import assemble
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support import hot_code


def test_a_hot_loop_becomes_a_region(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    made = hot_code.make_region(guest)
    assert made.shape.blocks[0].header.rip == CODE + 3
    assert code_cache.block_at(made.shape.blocks[0].at).region > REFUSED
    assert REGIONS.compiled.load() == 1


def test_a_block_gets_one_region(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    request = hot_code.hot_block(guest)
    compiler = Compiler()
    assert compiler.make(request) is not None
    assert compiler.make(request) is None


def test_requests_are_served_once(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    hot_code.hot_block(guest)
    compiler = Compiler()
    assert compiler.serve() == 1
    assert compiler.serve() == 0
    assert compiler.served == REGIONS.asked.load()


def test_a_request_of_an_earlier_epoch_is_dropped(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    request = hot_code.hot_block(guest)
    code_cache.empty()
    assert Compiler().make(request) is None
    hot_code.point(guest, rcx=10)
    assert hot_code.run(guest) == (Syscall(), 33)


def test_a_block_that_cannot_be_one_is_refused(guest: Guest) -> None:
    hot_code.start(guest, "mov ecx, 9000\nagain: rdtsc\ndec ecx\njnz again\nsyscall")
    request = hot_code.hot_block(guest)
    assert Compiler().make(request) is None
    assert code_cache.block_at(request.block).region == REFUSED
    hot_code.point(guest)
    assert hot_code.run(guest)[0] == Syscall()


def test_written_code_drops_its_region(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    hot_code.make_region(guest)
    guest.put_code(3, assemble("sub rax, rcx"))
    hot_code.point(guest, rcx=5000)
    assert hot_code.run(guest) == (Syscall(), 15003)
    assert guest.core.state.rax == -(5000 * 5001 // 2) & (1 << 64) - 1


def test_code_that_writes_its_own_loop(guest: Guest) -> None:
    text = """
 lea rdi, [rip + again]
 mov ecx, 20000
again: add rax, 1
 cmp ecx, 10000
 jne over
 mov byte ptr [rdi + 3], 2
over: dec ecx
 jnz again
 syscall
"""
    hot_code.start(guest, text, rax=0)
    guest.core.run()
    assert guest.core.state.rax == 10_001 + 2 * 9_999
    hot_code.start(guest, text, rax=0)
    hot_code.make_region(guest)
    hot_code.start(guest, text, rax=0)
    REGIONS.often = 2
    guest.core.run()
    assert guest.core.state.rax == 10_001 + 2 * 9_999


def test_what_does_not_come_back_is_refused(guest: Guest) -> None:
    text = "mov ecx, 9000\nagain: add ebx, ecx\nrdtsc\ndec ecx\njnz again\nsyscall"
    hot_code.start(guest, text)
    request = hot_code.hot_block(guest)
    assert Compiler().make(request) is None
    assert code_cache.block_at(request.block).region == REFUSED
