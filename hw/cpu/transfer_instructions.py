"""Instructions that go elsewhere: software interrupts, far jumps, calls and returns, fast calls.

Spec: AMD64 APM vol. 3, CALL INT INTO IRET JMP RET SYSCALL SYSENTER SYSEXIT SYSRET SWAPGS.
State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from iced_x86 import Code, OpKind

from hw.cpu import far_return, far_transfer, fast_calls, interrupt_delivery
from hw.cpu.operand_access import CODE_NAMES, Operands
from hw.spec.vectors import BREAKPOINT, DEBUG, OVERFLOW

if TYPE_CHECKING:
    from hw.cpu.core import Core


def _int(core: "Core", op: Operands) -> None:
    interrupt_delivery.deliver(core, op.i.immediate(0), software=True)


def _int3(core: "Core", _op: Operands) -> None:
    interrupt_delivery.deliver(core, BREAKPOINT, software=True)


def _int1(core: "Core", _op: Operands) -> None:
    interrupt_delivery.deliver(core, DEBUG)


def _into(core: "Core", _op: Operands) -> None:
    if core.state.rflags >> 11 & 1:
        interrupt_delivery.deliver(core, OVERFLOW, software=True)


def _far_pointer(op: Operands) -> tuple[int, int, int]:
    """Selector, offset and operand size of a far JMP or CALL."""
    i = op.i
    name = CODE_NAMES[i.code]
    size = {"16": 2, "32": 4, "64": 8}[name[-2:]]
    if i.op0_kind == OpKind.FAR_BRANCH16:
        return i.far_branch_selector, i.far_branch16, size
    if i.op0_kind == OpKind.FAR_BRANCH32:
        return i.far_branch_selector, i.far_branch32, size
    value = op.read(0, size + 2)
    return value >> 8 * size, value & (1 << 8 * size) - 1, size


def _jmp(core: "Core", op: Operands) -> None:
    selector, offset, _ = _far_pointer(op)
    far_transfer.jump(core, selector, offset)


def _call(core: "Core", op: Operands) -> None:
    selector, offset, size = _far_pointer(op)
    far_transfer.call(core, selector, offset, size)


def _retf(core: "Core", op: Operands) -> None:
    extra = op.i.immediate(0) if op.i.op_count else 0
    far_return.far_return(core, op.stated_size(), extra)


def _iret(core: "Core", op: Operands) -> None:
    far_return.interrupt_return(core, op.stated_size())
    core.look_again()


def _sysret(core: "Core", op: Operands) -> None:
    fast_calls.sysret(core, wide=op.i.code == Code.SYSRETQ)
    core.look_again()


TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    "INT": _int, "INT3": _int3, "INT1": _int1, "INTO": _into, "JMP": _jmp, "CALL": _call,
    "RETF": _retf, "IRET": _iret, "IRETD": _iret, "IRETQ": _iret,
    "SYSRET": _sysret, "SYSRETQ": _sysret,
    "SYSCALL": lambda core, _: fast_calls.syscall(core),
    "SYSENTER": lambda core, _: fast_calls.sysenter(core),
    "SYSEXIT": lambda core, _: fast_calls.sysexit(core),
    "SYSEXITQ": lambda core, _: fast_calls.sysexit(core),
    "SWAPGS": lambda core, _: fast_calls.swapgs(core),
}  # fmt: skip
