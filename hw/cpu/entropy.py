"""RDRAND and RDSEED: random bits from the host, given by Python.

Spec: AMD64 APM vol. 3, RDRAND RDSEED.
State: none but the registers of the asking core. Context: Python.
"""

import os

from hw.cpu.memory_primitives import put
from hw.cpu.state import CpuState
from hw.spec.registers import RFLAGS_CF, RFLAGS_STATUS


def execute(state: CpuState) -> None:
    """Fill the register that the instruction named; CF says that there was entropy.

    The handler has left the register's offset in ``exit_vector`` and its size in ``exit_error``;
    rip and the count are past the instruction.
    """
    bits = state.exit_error
    put(state, state.exit_vector, bits, int.from_bytes(os.urandom(bits // 8), "little"))
    state.rflags = state.rflags & ~RFLAGS_STATUS | RFLAGS_CF
