"""Changes of privilege in 64-bit mode: SYSCALL, SYSRET, IRET, SWAPGS; CLI, STI, STAC, CLAC.

What a kernel does at each system call and each interrupt runs here. A case out of the ordinary
(compatibility mode, a segment to be marked, a fault, an interrupt that waits to be let in) is left
undone, and Python does all of it (hw.cpu.system_instructions); so both may be compared.

An instruction after which other translations count ends with EXIT_CONTEXT: the loop goes on in
another bank (hw.cpu.tlb_banks).

Spec: AMD64 APM vol. 3, CLAC CLI IRET STAC STI SWAPGS SYSCALL SYSRET.
Context: native code.
"""

from collections.abc import Iterator
from typing import Final

from hw.cpu import context
from hw.cpu.control import budget_left, leave
from hw.cpu.exits import EXIT_CONTEXT, EXIT_SYSCALL, EXIT_SYSTEM
from hw.cpu.flags import FLAGS_READY, flags_now, make_ready
from hw.cpu.micro_op import MicroOp
from hw.cpu.mmu import load
from hw.cpu.primitives import sext, u64
from hw.cpu.semantics.handler import Handler, position
from hw.cpu.semantics.system import leave_undone
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline
from hw.spec.descriptors import (
    ATTRIBUTE_BIG,
    ATTRIBUTE_GRANULARITY,
    ATTRIBUTE_LONG,
    ATTRIBUTE_PRESENT,
    ATTRIBUTE_S,
    FLAT_CODE_64,
    FLAT_DATA,
    FLAT_LIMIT,
    SELECTOR_LDT,
    TYPE_ACCESSED,
    TYPE_CODE,
    TYPE_DOWN,
    TYPE_WRITABLE,
)
from hw.spec.registers import (
    CR4_SMAP,
    EFER_SCE,
    RFLAGS_AC,
    RFLAGS_FIXED,
    RFLAGS_FREE,
    RFLAGS_IF,
    RFLAGS_IOPL,
    RFLAGS_NT,
    RFLAGS_RF,
)

_DPL_3: Final = 3 << 5
_SYSRET_FLAGS: Final = RFLAGS_FREE | RFLAGS_IF | RFLAGS_IOPL
#: Code to return to: present, 64-bit, accessed, not conforming.
_CODE: Final = ATTRIBUTE_S | TYPE_CODE | ATTRIBUTE_PRESENT | ATTRIBUTE_LONG | TYPE_ACCESSED
_CODE_MASK: Final = _CODE | ATTRIBUTE_BIG | TYPE_DOWN
#: A stack to return to: present, writable, accessed.
_STACK: Final = ATTRIBUTE_S | ATTRIBUTE_PRESENT | TYPE_WRITABLE | TYPE_ACCESSED
_STACK_MASK: Final = _STACK | TYPE_CODE


def syscall(s: CpuState, u: MicroOp) -> None:
    """SYSCALL: rip (``imm``) to rcx, flags to r11; in exit mode, out to the kernel."""
    if s.vectors == 0:
        s.rcx = u.imm
        s.r11 = flags_now(s) & ~RFLAGS_RF
        s.rip = u.imm
        s.exit_reason = EXIT_SYSCALL
        leave(u64(budget_left() - position(u) - 1))
    if s.efer & EFER_SCE == 0:
        leave_undone(s, u, EXIT_SYSTEM)
    make_ready(s)
    s.rcx = u.imm
    s.r11 = s.rflags & ~RFLAGS_RF
    s.rflags = (s.rflags & ~(s.sfmask | RFLAGS_RF)) | RFLAGS_FIXED
    _flat_code(s, s.star >> 32 & 0xFFFC, 0)
    s.ss_selector = u64((s.star >> 32 & 0xFFFC) + 8)
    s.ss_attributes = FLAT_DATA
    s.ss_limit = FLAT_LIMIT
    s.ss_base = 0
    _enter(s, u, 0, s.lstar)


def sysretq(s: CpuState, u: MicroOp) -> None:
    """SYSRET to 64-bit mode; the hidden part of SS stays as it is, as on AMD."""
    rare = s.vectors == 0 or s.efer & EFER_SCE == 0 or s.cpl != 0
    if rare or s.held != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    selector = s.star >> 48
    _flat_code(s, (selector + 16) & 0xFFFF | 3, _DPL_3)
    s.ss_selector = (selector + 8) & 0xFFFF | 3
    s.rflags = (s.r11 & _SYSRET_FLAGS) | RFLAGS_FIXED
    s.flag_kind = FLAGS_READY
    _enter(s, u, 3, s.rcx)


def _flat_code(s: CpuState, selector: int, dpl: int) -> None:
    """CS as SYSCALL and SYSRET set it: no descriptor is read."""
    s.cs_selector = selector
    s.cs_attributes = FLAT_CODE_64 | dpl
    s.cs_limit = FLAT_LIMIT
    s.cs_base = 0


def _enter(s: CpuState, u: MicroOp, level: int, target: int) -> None:
    """Go on at a privilege level."""
    s.cpl = level
    context.update(s)
    s.rip = target
    s.link_slot = 0
    s.exit_reason = EXIT_CONTEXT
    leave(u64(budget_left() - position(u) - 1))


def swapgs(s: CpuState, u: MicroOp) -> None:
    """SWAPGS."""
    if s.cpl != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    outer = s.gs_base
    s.gs_base = s.kernel_gs_base
    s.kernel_gs_base = outer


def cli(s: CpuState, u: MicroOp) -> None:
    """CLI."""
    if s.cpl > s.rflags >> 12 & 3:
        leave_undone(s, u, EXIT_SYSTEM)
    s.rflags = s.rflags & ~RFLAGS_IF


def sti(s: CpuState, u: MicroOp) -> None:
    """STI; the next instruction is in the same block, so it comes before any interrupt."""
    if s.cpl > s.rflags >> 12 & 3 or s.held != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    s.rflags = s.rflags | RFLAGS_IF


def set_ac(s: CpuState, u: MicroOp, on: bool) -> None:
    """STAC, CLAC."""
    if s.vectors == 0 or s.cpl != 0 or s.cr4 & CR4_SMAP == 0:
        leave_undone(s, u, EXIT_SYSTEM)
    s.rflags = s.rflags | RFLAGS_AC if on else s.rflags & ~RFLAGS_AC
    _enter(s, u, 0, u.imm)


def iretq(s: CpuState, u: MicroOp) -> None:
    """IRET of 64-bit code in ring 0 to 64-bit code."""
    rare = s.vectors == 0 or s.cpl != 0 or s.rflags & RFLAGS_NT != 0
    if rare or s.held != 0 or s.nmi_masked != 0:
        leave_undone(s, u, EXIT_SYSTEM)
    rip = load(s, s.rsp, 64)
    cs = load(s, u64(s.rsp + 8), 64) & 0xFFFF
    flags = load(s, u64(s.rsp + 16), 64)
    rsp = load(s, u64(s.rsp + 24), 64)
    ss = load(s, u64(s.rsp + 32), 64) & 0xFFFF
    code = _descriptor(s, cs)
    stack = _descriptor(s, ss)
    level = cs & 3
    if not _is_plain(s, code, stack, ss, level) or sext(rip, 48) != rip:
        leave_undone(s, u, EXIT_SYSTEM)
    s.cs_selector = cs
    s.cs_attributes = _attributes(code)
    s.cs_limit = _limit(code)
    s.cs_base = _base(code)
    s.ss_selector = ss
    s.ss_attributes = _attributes(stack)
    s.ss_limit = _limit(stack)
    s.ss_base = _base(stack)
    mask = RFLAGS_FREE | RFLAGS_RF | RFLAGS_IOPL | RFLAGS_IF
    s.rflags = (s.rflags & ~mask) | (flags & mask) | RFLAGS_FIXED
    s.flag_kind = FLAGS_READY
    s.rsp = rsp
    _enter(s, u, level, rip)


def _descriptor(s: CpuState, selector: int) -> int:
    """A descriptor of the GDT; 0 if it is none."""
    offset = selector & 0xFFF8
    outside = offset + 7 > s.gdtr_limit or selector & SELECTOR_LDT != 0
    if outside or offset == 0:
        return 0
    return load(s, u64(s.gdtr_base + offset), 64)


def _attributes(descriptor: int) -> int:
    return descriptor >> 40 & 0xF0FF


def _base(descriptor: int) -> int:
    return (descriptor >> 16 & 0xFF_FFFF) | (descriptor >> 56) << 24


def _limit(descriptor: int) -> int:
    limit = (descriptor & 0xFFFF) | (descriptor >> 32 & 0xF_0000)
    return limit << 12 | 0xFFF if _attributes(descriptor) & ATTRIBUTE_GRANULARITY != 0 else limit


@noinline
def _is_plain(s: CpuState, code: int, stack: int, ss: int, level: int) -> bool:
    """Whether a return goes to code and stack of ring ``level`` with nothing left to be done."""
    good = _attributes(code) & _CODE_MASK == _CODE and _dpl(_attributes(code)) == level
    if ss & 0xFFFC == 0:
        good = good and level != 3 and ss == level
    else:
        same_level = _dpl(_attributes(stack)) == level and ss & 3 == level
        good = good and same_level and _attributes(stack) & _STACK_MASK == _STACK
    good = good and _stays(s.es_attributes, level) and _stays(s.ds_attributes, level)
    return good and _stays(s.fs_attributes, level) and _stays(s.gs_attributes, level)


def _dpl(attributes: int) -> int:
    return attributes >> 5 & 3


def _stays(attributes: int, level: int) -> bool:
    """Whether a data segment may stay loaded in a ring."""
    conforming = attributes & (TYPE_CODE | TYPE_DOWN) == TYPE_CODE | TYPE_DOWN
    return attributes == 0 or conforming or _dpl(attributes) >= level


def handlers() -> Iterator[Handler]:
    """All of this family."""
    yield Handler("stac", set_ac, (True,))
    yield Handler("clac", set_ac, (False,))
    for form in (syscall, sysretq, swapgs, cli, sti, iretq):
        yield Handler(form.__name__, form)
