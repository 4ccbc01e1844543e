"""A region holds what ran, in an order that goes forward."""

from hw.cpu.regions.formation import Formation, read_block
from hw.cpu.regions.record import MAX_PAGES
from tests.differential.guest import Guest
from tests.differential.host import CODE
from tests.support import hot_code

#: An outer loop (at 5), an inner one, a call, and a branch that is never taken.
NESTED = """
 mov ecx, 3000
outer: mov edx, 3
inner: add rax, rdx
 dec edx
 jnz inner
 call sum
 test ecx, ecx
 js never
 dec ecx
 jnz outer
 syscall
never: ud2
sum: add rbx, rax
 ret
"""


def test_blocks_that_ran_are_found(guest: Guest) -> None:
    hot_code.start(guest, NESTED)
    first = read_block(hot_code.hot_block(guest).block)
    assert first is not None
    shape = Formation(0).shape(first)
    assert shape.blocks[0].at == first.at
    names = [block.ender.handler.name for block in shape.blocks]
    assert {"call", "j5", "ret", "test32_rr_j8"} <= set(names)
    rips = {block.header.rip - CODE for block in shape.blocks}
    assert {5, 10} <= rips
    assert "illegal" not in names
    assert [block.index for block in shape.blocks] == list(range(len(shape.blocks)))
    assert len(shape.returns) == 1
    assert shape.pages() == []


def test_a_stale_block_is_none(guest: Guest) -> None:
    hot_code.start(guest, hot_code.SUM, rcx=20_000)
    block = hot_code.hot_block(guest).block
    assert read_block(block) is not None
    guest.put_code(0, b"\x90")
    assert read_block(block) is None


def test_calls_into_other_pages_are_followed(guest: Guest) -> None:
    far = "\n".join(f" call f{k}" for k in range(6))
    functions = "\n".join(
        f".balign 4096\n.skip {k * 16}\nf{k}: add rax, {k}\n ret" for k in range(6)
    )
    loop = f"mov ecx, 30000\nagain:\n{far}\n dec ecx\n jnz again\n syscall\n"
    hot_code.start(guest, loop + functions)
    first = read_block(hot_code.hot_block(guest).block)
    assert first is not None
    pages = Formation(0).shape(first).pages()
    assert 1 <= len(pages) <= MAX_PAGES
    assert all(frame == guest.CODE_FRAMES + page - CODE for page, frame, _ in pages)
