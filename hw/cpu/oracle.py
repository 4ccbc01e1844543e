"""The oracle: micro-ops executed by the plain Python of their handlers.

Slow by a factor of ten thousand, and the definition: the compiled core must leave the same state
and the same memory. It works on a CpuState and on guest memory like the compiled code, through the
same TLB functions, so it must have the machine for itself.

State: the given CpuState. Context: tests, debugging.
"""

from typing import Final

from hw.cpu.control import Dispatched, Left
from hw.cpu.exits import EXIT_NONE
from hw.cpu.flags import make_ready
from hw.cpu.micro_op import SLOT, MicroOp
from hw.cpu.primitives import u64
from hw.cpu.semantics.handler import fault_exit
from hw.cpu.semantics.sse import enter_mxcsr, leave_mxcsr
from hw.cpu.state import CpuState
from hw.cpu.threaded import handler_list

#: What ``budget_left`` says in Python.
_BUDGET: Final = 1 << 20


def run_block(state: CpuState, address: int) -> int:
    """Execute the block whose first micro-op stands at a host address; its exit reason."""
    state.fault = 0
    state.exit_reason = EXIT_NONE
    budget = _BUDGET
    enter_mxcsr(state)
    while True:
        op = MicroOp.from_address(address)
        handler = handler_list()[op.handler]
        try:
            handler.form(state, op, *handler.constants)
        except Dispatched as going:
            if going.micro_op:
                raise AssertionError("the oracle follows no links") from going
            budget = going.budget
        except Left as left:
            if left.budget is None:
                left = _leave_fault(state, op)
            budget = left.budget or 0
            break
        address += SLOT
    leave_mxcsr(state)
    state.instructions = u64(state.instructions + _BUDGET - budget)
    make_ready(state)
    return state.exit_reason


def _leave_fault(state: CpuState, op: MicroOp) -> Left:
    try:
        fault_exit(state, op)
    except Left as left:
        return left
    raise AssertionError("fault_exit returned")
