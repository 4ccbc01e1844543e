"""Function calls on other CPUs: what smp_call_function is elsewhere.

    caller: slot[target][me] = function, argument; bit in target's mask; IPI; wait for the bit to go
    target: for each bit: run the function, clear the bit

A waiter serves the calls that others make of it, so that two CPUs may call each other at once.

State: RAM. Locks: none; a slot belongs to one caller until its bit is clear. Context: any; with
``wait`` not from an interrupt handler.
"""

import ctypes
from collections.abc import Callable
from typing import Annotated, Any, Final

from hw.spec.layout import Layout, layout
from hw.spec.memory_map import MAX_CPUS
from mpkernel.arch import ipi, waits_for
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.percpu import PerCpu
from mpkernel.arch.spin_loop import relax
from mpkernel.seam import Seam

#: Functions that may be called, by number. They run with interrupts off and must not sleep.
FUNCTIONS: Final[Seam[Callable[[int], None]]] = Seam("remote functions")


@layout()
class CallBoard(Layout):
    """What other CPUs ask of one CPU."""

    asked: AtomicU64  #: bit a caller
    function: Annotated[Any, ctypes.c_uint64 * MAX_CPUS]  #: by caller
    argument: Annotated[Any, ctypes.c_uint64 * MAX_CPUS]


BOARDS: Final = PerCpu(CallBoard)


def call(target: int, function: int, argument: int, *, wait: bool) -> None:
    """Run ``FUNCTIONS[function](argument)`` on another CPU."""
    me = cpu().index
    assert target != me, "a remote call of oneself"
    board = BOARDS.of(target)
    bit = 1 << me
    _wait_for(target, bit)
    board.function[me] = function
    board.argument[me] = argument
    board.asked.or_(bit)
    ipi.send_call(target)
    if wait:
        _wait_for(target, bit)


def _wait_for(target: int, bit: int) -> None:
    board = BOARDS.of(target)
    if not board.asked.load() & bit:
        return
    waits_for.begin(waits_for.CALL, board.phys, target)
    turn = 0
    while board.asked.load() & bit:
        serve()
        relax(turn)
        turn += 1
    waits_for.end()


def serve() -> None:
    """Run what other CPUs ask of this one. From the IPI, or while waiting."""
    board = BOARDS.of(cpu().index)
    while asked := board.asked.load():
        caller = (asked & -asked).bit_length() - 1
        FUNCTIONS[board.function[caller]](board.argument[caller])
        board.asked.and_(~(1 << caller))
