"""``mpkernel cpu compare`` of a machine whose CPU 1 comes out of RESET with another memory type.

    python -m tests.support.poisoned_cpu OPTIONS

Context: a process of its own, without threads.
"""

import sys

from hw.cpu import msr, single_instructions
from hw.cpu.state import CpuState
from hw.spec.msr import MSR_MTRR_DEFAULT
from mpkernel.cli.main import run_command

_RESET = msr.reset


def _reset(state: CpuState) -> None:
    _RESET(state)
    if state.core_index == 1:
        state.msr_words[msr.TABLE[MSR_MTRR_DEFAULT].word] = 0x806


if __name__ == "__main__":
    single_instructions.msr.reset = _reset
    sys.exit(run_command(["cpu", "compare", *sys.argv[1:]]))
