"""The instructions that Python executes (hw.cpu.encodings.system): one function a mnemonic.

``execute`` finds it. rip is that of the next instruction while a function runs; a fault puts it
back. A function that refuses raises CpuFault before it has changed anything.

State: CpuState, guest memory. Context: the core itself, outside native code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hw.cpu import (
    cache_instructions,
    legacy_instructions,
    mode,
    port_io,
    processor_state,
    segment_instructions,
    string_instructions,
    transfer_instructions,
)
from hw.cpu.exits import CpuFault
from hw.cpu.operand_access import MNEMONIC_NAMES, Operands
from hw.spec.vectors import INVALID_OPCODE

if TYPE_CHECKING:
    from hw.cpu.core import Core

_STRINGS: Final = ("INS", "OUTS", "MOVS", "STOS", "LODS", "SCAS", "CMPS")
TABLE: Final[dict[str, Callable[["Core", Operands], None]]] = {
    **processor_state.TABLE,
    **cache_instructions.TABLE,
    **transfer_instructions.TABLE,
    **segment_instructions.TABLE,
    **legacy_instructions.TABLE,
    **port_io.TABLE,
    **{f"{name}{letter}": string_instructions.execute for name in _STRINGS for letter in "BWDQ"},
}


def execute(core: "Core", i: Any) -> None:
    """Execute a decoded instruction at rip.

    Raises:
        CpuFault: it faults; rip is its own again.

    """
    state = core.state
    name = MNEMONIC_NAMES[i.mnemonic]
    function = TABLE.get(name)
    if function is None:
        raise CpuFault(INVALID_OPCODE)
    start = state.rip
    following = mode.ip(state) + i.len
    mode.set_ip(state, following)
    try:
        function(core, Operands(core, i))
    except CpuFault:
        state.rip = start
        raise
