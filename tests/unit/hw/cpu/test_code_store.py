"""Decoded code on disk: found by the next machine, as decoded, and never believed wrongly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from iced_x86 import Decoder

from hw import ram
from hw.cpu import code_cache, code_store
from hw.cpu.code_store import STORE
from tests.differential.assembly import assemble
from tests.differential.guest import CODE_FRAMES, Guest
from tests.differential.host import CODE
from tests.support import hot_code

#: Two pages of code: sums, jumps that are taken and not, an instruction that straddles the pages.
PROGRAM = assemble(
    "xor eax, eax\nmov ecx, 40\nagain:\n"
    + "add eax, 3\nimul ebx, eax, 7\ncmp ebx, 99\njae 1f\nxor eax, ebx\n1:\n" * 160
    + ".balign 4096, 0x90\n.skip 4092, 0x90\nmov rdx, 0x1122334455667788\n"
    + "add eax, ebx\n" * 1200
    + "dec ecx\njnz again\nsyscall"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(code_store.VARIABLE, str(tmp_path / "code"))
    return tmp_path / "code"


@dataclass(frozen=True)
class Run:
    """How a program ended on a machine of its own."""

    registers: tuple[int, ...]
    instructions: int
    decoded: int  #: bytes of blocks that the machine decoded itself
    blocks: frozenset[bytes]  #: all that it could find at the end


@contextmanager
def machine() -> Iterator[Guest]:
    """A machine with the store open."""
    guest = Guest()
    try:
        code_store.open_store()
        yield guest
    finally:
        guest.close()


def run(program: bytes = PROGRAM, *, at: int = 0) -> Run:
    """Run on a machine that begins without decoded code, and let it save what it has."""
    with machine() as guest:
        guest.put_code(at, program)
        hot_code.point(guest, rip=CODE + at)
        _, instructions = hot_code.run(guest)
        blocks = frozenset(map(code_cache.as_decoded, code_cache.published()))
        decoded = code_cache.HEADER.used.load() - STORE.found.load()
        result = Run(tuple(guest.core.state.gpr), instructions, decoded, blocks)
        code_store.save()
        return result


def test_the_next_machine_finds_what_one_decoded(folder: Path) -> None:
    cold = run()
    assert cold.decoded > 2 * code_store.WORTH_SAVING
    assert len(list(folder.iterdir())) == 3
    warm = run()
    assert warm.decoded < cold.decoded // 50  # what straddles
    assert (warm.registers, warm.instructions) == (cold.registers, cold.instructions)
    assert warm.blocks == cold.blocks


def test_blocks_are_those_that_are_decoded_without_a_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run()
    warm = run()
    monkeypatch.setenv(code_store.VARIABLE, "")
    assert run().blocks == warm.blocks


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:20],
        lambda data: data[:-32],
        lambda data: data + bytes(96),
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: os.urandom(len(data)),
    ],
    ids=("empty", "torn", "truncated", "longer", "flipped", "digest", "random"),
)  # fmt: skip
def test_a_damaged_file_is_not_believed_and_is_replaced(folder: Path, damage) -> None:
    cold = run()
    good = {path: path.read_bytes() for path in folder.iterdir()}
    for path, data in good.items():
        path.write_bytes(damage(data))
    assert run() == cold
    assert {path: path.read_bytes() for path in folder.iterdir()} == good


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    cold = run()
    for path, make in zip(sorted(folder.iterdir()), (os.mkfifo, os.mkdir, _dangle), strict=True):
        path.unlink()
        make(path)
    assert run() == cold


def _dangle(path: Path) -> None:
    path.symlink_to("nowhere")


def test_other_bytes_another_address_and_another_decoder_are_other_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = run()
    assert run(PROGRAM.replace(assemble("add eax, 3"), assemble("add eax, 5"))) != cold
    moved = run(at=0x10_0000)
    assert (moved.instructions, moved.decoded) == (cold.instructions, cold.decoded)
    before = set(folder.iterdir())
    monkeypatch.setattr(code_store, "_decoder", lambda: b"another")
    assert run() == cold
    assert len(set(folder.iterdir()) - before) == 3


def test_a_page_grows_by_what_later_machines_decode(folder: Path) -> None:
    entry = run(at=0)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    with machine() as guest:
        guest.put_code(0, PROGRAM)
        for instruction in Decoder(64, PROGRAM[:1000], ip=CODE):  # most in the middle of blocks
            hot_code.point(guest, rip=instruction.ip, rcx=1)
            guest.core.run()
        code_store.save()
    grown = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert grown.keys() == sizes.keys()
    assert sum(grown.values()) > sum(sizes.values())
    assert run().registers == entry.registers


def test_small_pages_and_small_programs_are_left_out(folder: Path) -> None:
    run(assemble("add eax, 1\n" * 200 + "syscall"))
    assert not list(folder.iterdir())
    jump = assemble("jmp next\n.balign 4096\nnext: nop\n") + PROGRAM
    run(jump)
    assert len(list(folder.iterdir())) == 3  # and not the page of one jump


def test_changed_code_is_decoded_anew(folder: Path) -> None:
    run()
    with machine() as guest:
        guest.put_code(0, PROGRAM)
        hot_code.point(guest)
        first = hot_code.run(guest)
        ram.write(CODE_FRAMES, assemble("mov eax, 77\nsyscall"))
        hot_code.point(guest)
        hot_code.run(guest)
        assert guest.core.state.rax == 77
        guest.put_code(0, PROGRAM)
        hot_code.point(guest)
        assert hot_code.run(guest) == first


def test_code_that_is_written_again_and_again_is_left_out(folder: Path) -> None:
    with machine() as guest:
        for turn in range(code_store.REWRITES + 2):
            guest.put_code(0, assemble(f"mov eax, {turn}\n") + PROGRAM)
            hot_code.point(guest)
            hot_code.run(guest)
        asked = STORE.asked.load()
        guest.put_code(0, PROGRAM)
        hot_code.point(guest)
        hot_code.run(guest)
        assert STORE.asked.load() == asked
        code_store.save()
    assert not list(folder.iterdir())


def test_a_write_that_told_nobody_before_the_end_is_not_saved(folder: Path) -> None:
    with machine() as guest:
        guest.put_code(0, PROGRAM)
        hot_code.point(guest)
        hot_code.run(guest)
        ram.view(CODE_FRAMES + 4095, 1)[0] ^= 0xFF
        code_store.save()
    assert len(list(folder.iterdir())) == 2


def test_a_host_without_a_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = run()
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(code_store.VARIABLE, str(file / "code"))
    assert run() == cold
    (tmp_path / "gone").mkdir()
    monkeypatch.setenv(code_store.VARIABLE, str(tmp_path / "gone"))
    with machine() as guest:
        guest.put_code(0, PROGRAM)
        (tmp_path / "gone").rmdir()
        hot_code.point(guest)
        hot_code.run(guest)
        code_store.save()
    assert not (tmp_path / "gone").exists()


def test_the_oldest_files_go_when_the_folder_is_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    size = sum(path.stat().st_size for path in folder.iterdir())
    for age, path in enumerate(sorted(folder.iterdir())):
        os.utime(path, (age, age))
    monkeypatch.setattr(code_store, "FOLDER_BYTES", 2 * size - 1)
    monkeypatch.setattr(code_store, "SWEPT_BYTES", size)
    old = sorted(folder.iterdir())
    others = folder / "letters.txt"
    others.write_bytes(bytes(3 * size))
    os.utime(others, (0, 0))
    run(at=0x10_0000)
    assert others.exists()  # it is not ours
    left = set(folder.iterdir()) - {others}
    assert not left & set(old)
    assert len(left) == 3
