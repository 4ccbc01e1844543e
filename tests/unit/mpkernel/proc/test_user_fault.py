"""Instructions that fail: pages that come in, and the signal each exception becomes."""

import pytest

from hw.cpu.state import CpuState
from hw.spec.paging import FAULT_PRESENT, FAULT_WRITE
from mpkernel.abi.signal import (
    FPE_INTDIV,
    ILL_ILLOPN,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SI_KERNEL,
    Signal,
)
from mpkernel.mm.address_space import AddressSpace
from mpkernel.proc import signal, user_fault
from mpkernel.sched.task import current
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes

RIP = 0x40_1234


def taken() -> tuple[int, int, int]:
    """Signal, code and address of the fault that was just forced."""
    task = current()
    return signal.dequeue(task)[0], task.fault_code, task.fault_address


def test_a_page_comes_in_without_a_signal(processes: Processes, core: CpuState) -> None:
    me = processes.make()
    core.rip = RIP

    async def body() -> None:
        space = AddressSpace.at(me.address_space)
        before = space.rss_pages
        await user_fault.page_fault(SCRATCH, FAULT_WRITE)
        assert space.rss_pages > before
        assert not current().signal_pending

    processes.run(me, body)


def test_what_is_not_there(processes: Processes, core: CpuState) -> None:
    core.rip = RIP

    async def body() -> None:
        await user_fault.page_fault(0x10, 0)
        assert taken() == (Signal.SIGSEGV, SEGV_MAPERR, 0x10)
        await user_fault.page_fault(0x10, FAULT_PRESENT | FAULT_WRITE)
        assert taken() == (Signal.SIGSEGV, SEGV_ACCERR, 0x10)

    processes.run(processes.make(), body)


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        (0, (Signal.SIGFPE, FPE_INTDIV, RIP)),
        (6, (Signal.SIGILL, ILL_ILLOPN, RIP)),
        (13, (Signal.SIGSEGV, SI_KERNEL, 0)),
        (200, (Signal.SIGSEGV, SI_KERNEL, 0)),
    ],
)
def test_exceptions(
    processes: Processes, core: CpuState, vector: int, expected: tuple[int, int, int]
) -> None:
    core.rip = RIP

    async def body() -> tuple[int, int, int]:
        await user_fault.exception(vector, 0)
        return taken()

    assert processes.run(processes.make(), body) == [expected]


def test_an_instruction_that_is_not_there(processes: Processes, core: CpuState) -> None:
    assert core is not None

    async def body() -> tuple[int, int, int]:
        await user_fault.illegal("VADDPS", RIP)
        return taken()

    assert processes.run(processes.make(), body) == [(Signal.SIGILL, ILL_ILLOPN, RIP)]
