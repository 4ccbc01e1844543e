"""One instruction among running cores: single steps, breakpoints, shadows.

State: the core's CpuState. Locks: none; ``running`` is published for others to wait on.
Context: native code.
"""

from hw.cpu.exits import EXIT_HALTED, EXIT_NONE
from hw.cpu.flags import make_ready
from hw.cpu.memory_primitives import address_of, atomic_load, atomic_store
from hw.cpu.run_loop import EXCLUSIVE_AT, NATIVE, OUTSIDE, RUNNING_OFFSET, enter_block
from hw.cpu.state import CpuState
from hw.cpu.subset import noinline


@noinline
def run_one(s: CpuState, block: int) -> int:
    """Run one private block of one instruction among the running cores; EXIT_NONE or an exit."""
    s.fault = 0
    s.exit_reason = EXIT_NONE
    s.link_slot = 0
    atomic_store(address_of(s) + RUNNING_OFFSET, NATIVE)
    if atomic_load(EXCLUSIVE_AT) != 0:
        s.exit_reason = EXIT_HALTED
    else:
        enter_block(s, block)
    make_ready(s)
    s.fault = 0
    atomic_store(address_of(s) + RUNNING_OFFSET, OUTSIDE)
    return s.exit_reason
