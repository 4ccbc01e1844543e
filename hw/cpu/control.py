"""How a handler ends: primitives that pass control on, and their plain-Python twins.

A handler is a function of four host registers: the core's state, the micro-op, the table of
handlers, the instructions left in this chunk. It ends by a tail call of the next one, or by
returning to the native outer loop. In Python each of these is an exception that the oracle catches.

State: none. Context: inside a handler, or the oracle.
"""

from typing import Any, Final

from hw.cpu.ir import I64, Builder, Value
from hw.cpu.subset import primitive

#: Parameters of a handler, in LLVM and by name.
PARAMETERS: Final = "ptr %s, ptr %u, ptr %t, i64 %budget"
#: All registers are the handler's; the first four arguments survive calls of C functions.
CONVENTION: Final = "preserve_nonecc"


class Left(Exception):  # noqa: N818 it is no error: the oracle's way out of a handler
    """The oracle's handler returned to the outer loop; ``budget`` is what is left of the chunk."""

    def __init__(self, budget: int | None = None) -> None:
        super().__init__()
        self.budget = budget


class Dispatched(Exception):  # noqa: N818
    """The oracle's handler passed control to a micro-op."""

    def __init__(self, micro_op: int, budget: int) -> None:
        super().__init__()
        self.micro_op = micro_op
        self.budget = budget


def emit_dispatch(b: Builder, micro_op: str, budget: str) -> None:
    """Tail-call the handler of the micro-op at an LLVM pointer."""
    number = b.op(f"load i16, ptr {micro_op}, !invariant.load !0", "i16")
    emit_call_of(b, b.op(f"zext i16 {number.name} to i64", I64), micro_op, budget)


def emit_call_of(b: Builder, number: Value, micro_op: str, budget: str) -> None:
    """Tail-call the handler with a number for the micro-op at an LLVM pointer."""
    slot = b.op(f"getelementptr ptr, ptr %t, i64 {number.name}", "ptr")
    handler = b.op(f"load ptr, ptr {slot.name}, !invariant.load !0", "ptr")
    b.line(
        f"musttail call {CONVENTION} void {handler.name}"
        f"(ptr %s, ptr {micro_op}, ptr %t, i64 {budget})"
    )
    b.end("ret void")


def _emit_dispatch(b: Builder, micro_op: Any, budget: Any) -> None:
    pointer = b.op(f"inttoptr i64 {b.value(micro_op).name} to ptr", "ptr")
    emit_dispatch(b, pointer.name, b.value(budget).name)


@primitive(_emit_dispatch)
def dispatch(micro_op: int, budget: int) -> None:
    """Go on at the micro-op at a host address."""
    raise Dispatched(micro_op, budget)


def _emit_leave(b: Builder, budget: Any) -> None:
    address = b.op(f"getelementptr i8, ptr %s, i64 {b.context['budget_offset']}", "ptr")
    b.line(f"store i64 {b.value(budget).name}, ptr {address.name}")
    b.end("ret void")


@primitive(_emit_leave)
def leave(budget: int) -> None:
    """Return to the native outer loop."""
    raise Left(budget)


def _emit_leave_fault(b: Builder) -> None:
    b.line(
        f"musttail call {CONVENTION} void @leave_fault"
        f"(ptr %s, ptr {b.context['micro_op']}, ptr %t, i64 %budget)"
    )
    b.end("ret void")


@primitive(_emit_leave_fault)
def leave_fault() -> None:
    """End the instruction undone: exit_* say why, rip becomes its own."""
    raise Left


def _emit_dispatch_as(b: Builder, number: Any) -> None:
    emit_call_of(b, b.value(number), b.context["micro_op"], "%budget")


@primitive(_emit_dispatch_as)
def dispatch_as(number: int) -> None:  # noqa: ARG001
    """Do the micro-op at hand by another handler (the oracle is given no such micro-op)."""
    raise AssertionError("the oracle runs no regions")


def _emit_go_native(b: Builder, address: Any) -> None:
    code = b.op(f"inttoptr i64 {b.value(address).name} to ptr", "ptr")
    b.line(f"musttail call {CONVENTION} void {code.name}(ptr %s, ptr %u, ptr %t, i64 %budget)")
    b.end("ret void")


@primitive(_emit_go_native)
def go_native(address: int) -> None:  # noqa: ARG001
    """Go on in native code made while the machine runs."""
    raise AssertionError("the oracle runs no regions")


def _emit_budget(b: Builder) -> Value:  # noqa: ARG001
    return Value("%budget", I64)


@primitive(_emit_budget)
def budget_left() -> int:
    """Instructions left when the block began."""
    return 1 << 20


def _emit_slot_address(b: Builder, offset: int) -> Value:
    pointer = b.op(f"getelementptr i8, ptr {b.context['micro_op']}, i64 {offset}", "ptr")
    return b.op(f"ptrtoint ptr {pointer.name} to i64", I64)


@primitive(_emit_slot_address)
def micro_op_address(offset: int) -> int:
    """Host address of a byte of the micro-op at hand (the oracle follows no links: 0)."""
    return 0 * offset


def _emit_enter(b: Builder, s: Any, micro_op: Any, table: Any, budget: Any) -> None:
    pointer = b.op(f"inttoptr i64 {b.value(micro_op).name} to ptr", "ptr")
    table_pointer = b.op(f"inttoptr i64 {b.value(table).name} to ptr", "ptr")
    number = b.op(f"load i16, ptr {pointer.name}", "i16")
    index = b.op(f"zext i16 {number.name} to i64", I64)
    slot = b.op(f"getelementptr ptr, ptr {table_pointer.name}, i64 {index.name}", "ptr")
    handler = b.op(f"load ptr, ptr {slot.name}", "ptr")
    b.line(
        f"call {CONVENTION} void {handler.name}(ptr {s.name}, ptr {pointer.name}, "
        f"ptr {table_pointer.name}, i64 {b.value(budget).name})"
    )


@primitive(_emit_enter)
def enter(s: Any, micro_op: int, table: int, budget: int) -> None:  # noqa: ARG001
    """Run handlers from a micro-op on, until one returns."""
    raise Dispatched(micro_op, budget)
