"""Native changes of privilege do what Python does, or leave it to Python."""

import ctypes
import random
from collections.abc import Callable, Iterator

import pytest

from hw import ram
from hw.cpu import far_return, fast_calls, mode
from hw.cpu.exits import EXIT_NONE, EXIT_SYSTEM, CpuFault
from hw.cpu.segmentation import put, put_null
from hw.cpu.vector_core import VectorCore
from hw.irq import apic_state
from hw.spec.descriptors import decode
from hw.spec.registers import (
    CR0_PE,
    CR0_PG,
    CR4_PAE,
    CR4_SMAP,
    EFER_LMA,
    EFER_LME,
    EFER_SCE,
    RFLAGS_AC,
)
from tests.differential.assembly import assemble
from tests.differential.guest import CR3, Guest
from tests.differential.host import CODE, DATA

#: Null, code and data of rings 0 and 3; 32-bit, absent, conforming, unmarked and read-only ones.
DESCRIPTORS = (
    0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFFB000000FFFF, 0x00CFF3000000FFFF,
    0x00AFFB000000FFFF, 0x00AF1B000000FFFF, 0x00AF9F000000FFFF, 0x00AF9A000000FFFF,
    0x00CFF2000000FFFF, 0x00CF91000000FFFF, 0x0000890050000067,
)  # fmt: skip
GDT = DATA + 0x1000
STACK = DATA + 0x800
#: Registers that both ways must leave alike: all of the register page before the banks' counts.
COMPARED = 0xBF8


@pytest.fixture
def core() -> Iterator[VectorCore]:
    """A core in ring 0 of 64-bit mode, with the tables above."""
    guest = Guest()
    apic_state.reset(0, boot_core=True)
    core = VectorCore(0)
    state = core.state
    state.cr0, state.cr4, state.cr3 = CR0_PE | CR0_PG, CR4_PAE, CR3
    state.efer = EFER_LME | EFER_LMA | EFER_SCE
    put(state, "cs", decode(8, DESCRIPTORS[1]))
    put(state, "ss", decode(16, DESCRIPTORS[2]))
    for name in ("es", "ds", "fs", "gs"):
        put_null(state, name, 0)
    state.gdtr_base, state.gdtr_limit = GDT, 8 * len(DESCRIPTORS) - 1
    state.cpl = 0
    state.star, state.lstar, state.sfmask = 0x23 << 48 | 8 << 32, CODE + 0x100, 0x40700
    mode.update(core)
    yield core
    guest.close()


def write(address: int, words: list[int]) -> None:
    data = b"".join(word.to_bytes(8, "little") for word in words)
    ram.write(Guest.DATA_FRAMES + address - DATA, data)


def both(core: VectorCore, text: str, python: Callable[[], None]) -> bool:
    """Do one instruction natively and in Python and compare; False if it was left undone."""
    state = core.state
    code = assemble(text)
    ram.write(Guest.CODE_FRAMES, code)
    write(GDT, list(DESCRIPTORS))
    state.rip = CODE
    before = ctypes.string_at(core.at, COMPARED)
    block = ctypes.create_string_buffer(core._single_block(CODE))
    reason = core.native.run_one(core.at, ctypes.addressof(block))
    native = ctypes.string_at(core.at, COMPARED)
    ctypes.memmove(core.at, before, COMPARED)
    mode.update(core)
    if reason == EXIT_SYSTEM:
        return False
    assert reason == EXIT_NONE
    state.rip += len(code)
    python()
    for name in ("rip", "rsp", "rflags", "cpl", "rcx", "r11", "walk_rules", "gs_base"):
        there = type(state).offset_of(name)
        value = int.from_bytes(native[there : there + 8], "little")
        assert value == getattr(state, name), name
    segments = type(state).offset_of("es_selector"), type(state).offset_of("pat")
    assert native[slice(*segments)] == ctypes.string_at(core.at, COMPARED)[slice(*segments)]
    ctypes.memmove(core.at, before, COMPARED)
    mode.update(core)
    return True


def test_iretq_by_chance(core: VectorCore) -> None:
    rng = random.Random(7)
    state = core.state
    done = 0
    for _ in range(1500):
        rip = rng.choice((CODE, DATA, 1 << 47, (1 << 64) - 5, 0))
        cs = rng.choice((8, 8, 0x2B, 0x2B, 0x2B, rng.randrange(128)))
        ss = rng.choice((0x10, 0x23, 0x23, 0, 3, rng.randrange(128)))
        flags = rng.getrandbits(22)
        write(STACK, [rip, cs | rng.getrandbits(48) << 16, flags, rng.getrandbits(64), ss])
        state.rsp, state.rflags = STACK, 2 | rng.getrandbits(12) & ~0x100 | rng.choice((0, 0x4000))
        try:
            done += both(core, "iretq", lambda: far_return.interrupt_return(core, 8))
        except CpuFault as fault:
            pytest.fail(f"Python raises {fault} for cs {cs:#x}, ss {ss:#x}, rip {rip:#x}")
    assert 100 < done < 1400


def test_syscall_and_sysretq_by_chance(core: VectorCore) -> None:
    rng = random.Random(8)
    state = core.state
    done = 0
    for _ in range(300):
        state.rflags = 2 | rng.getrandbits(22) & ~0x2_0100
        state.r11, state.rcx = rng.getrandbits(64), rng.getrandbits(64)
        state.cpl = rng.choice((0, 0, 3))
        state.efer ^= rng.choice((0, 0, 0, EFER_SCE))
        done += both(core, "syscall", lambda: fast_calls.syscall(core))
        done += both(core, "sysretq", lambda: fast_calls.sysret(core, wide=True))
    assert 200 < done < 600


def test_swapgs(core: VectorCore) -> None:
    core.state.gs_base, core.state.kernel_gs_base = 5, 6
    assert both(core, "swapgs", lambda: fast_calls.swapgs(core))
    core.state.cpl = 3
    assert not both(core, "swapgs", lambda: None)


@pytest.mark.parametrize("field", ["held", "nmi_masked"])
def test_an_interrupt_that_waits_is_pythons(core: VectorCore, field: str) -> None:
    write(STACK, [CODE, 8, 2, STACK, 16])
    core.state.rsp = STACK
    assert both(core, "iretq", lambda: far_return.interrupt_return(core, 8))
    setattr(core.state, field, 1)
    assert not both(core, "iretq", lambda: None)


@pytest.mark.parametrize(("iopl", "cpl", "native"), [(0, 0, True), (0, 3, False), (3, 3, True)])
def test_cli_asks_for_the_privilege(core: VectorCore, iopl: int, cpl: int, native: bool) -> None:
    state = core.state
    state.rflags, state.cpl = 0x202 | iopl << 12, cpl

    def clear() -> None:
        state.rflags &= ~0x200

    assert both(core, "cli", clear) == native


@pytest.mark.parametrize(("text", "bit"), [("stac", RFLAGS_AC), ("clac", 0)])
def test_stac_and_clac_change_the_rules(core: VectorCore, text: str, bit: int) -> None:
    state = core.state

    def switch() -> None:
        state.rflags = 2 | bit
        mode.update(core)

    state.rflags = 2 | (RFLAGS_AC ^ bit)
    assert not both(core, text, switch)  # #UD without CR4.SMAP
    state.cr4 |= CR4_SMAP
    mode.update(core)
    assert both(core, text, switch)
    state.cpl = 3
    assert not both(core, text, switch)


def test_sti_that_ends_its_block_is_pythons(core: VectorCore) -> None:
    """So that the instruction after it comes before any interrupt."""
    assert not both(core, "sti", lambda: None)
