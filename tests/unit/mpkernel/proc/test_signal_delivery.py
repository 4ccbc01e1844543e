"""At the border to user mode: handlers, masks, stops, and calls that are begun again."""

import pytest

from hw.cpu.state import CpuState
from mpkernel.abi.numbers import RESTART_SYSCALL
from mpkernel.abi.signal import (
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SA_RESTORER,
    SIG_DFL,
    Signal,
    bit,
)
from mpkernel.proc import signal, signal_delivery
from mpkernel.proc.process import Process
from mpkernel.proc.signal import action_of, set_mask
from mpkernel.sched.task import (
    RESTART_CALL,
    RESTART_NO_HANDLER,
    RESTART_NONE,
    RESTART_SLEEP,
    TASK_RESTORES_MASK,
    current,
)
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes

HANDLER, RIP, INTERRUPTED = 0x40_1000, 0x40_5002, (1 << 64) - 4
READ = 0


def handle(process: Process, number: int, flags: int = 0, mask: int = 0) -> None:
    action = action_of(process, number)
    action.handler, action.flags = HANDLER, flags | SA_RESTORER
    action.restorer, action.mask = HANDLER + 64, mask


async def deliver(core: CpuState, *numbers: int, restart: int = RESTART_NONE) -> None:
    """As after a call cut short by signals to this thread."""
    core.rip, core.rsp, core.rax = RIP, SCRATCH + 0x3000, INTERRUPTED
    task = current()
    task.restart, task.restart_number = restart, READ
    task.signals |= sum(bit(number) for number in numbers)
    task.signal_pending = 1
    await signal_delivery.return_to_user()
    assert not task.signal_pending


def test_a_handler_runs_with_its_mask(processes: Processes, core: CpuState) -> None:
    me = processes.make()
    handle(me, Signal.SIGUSR1, mask=bit(Signal.SIGTERM))
    handle(me, Signal.SIGUSR2, SA_NODEFER | SA_RESETHAND)

    async def body() -> None:
        await deliver(core, Signal.SIGUSR1)
        assert (core.rip, core.rdi) == (HANDLER, Signal.SIGUSR1)
        task = current()
        assert task.signal_mask == bit(Signal.SIGTERM) | bit(Signal.SIGUSR1)
        set_mask(task, 0)
        await deliver(core, Signal.SIGUSR2)
        assert task.signal_mask == 0
        assert action_of(me, Signal.SIGUSR2).handler == SIG_DFL
        assert action_of(me, Signal.SIGUSR1).handler == HANDLER

    processes.run(me, body)


@pytest.mark.parametrize(
    ("restart", "flags", "repeats"),
    [
        (RESTART_CALL, SA_RESTART, True),
        (RESTART_CALL, 0, False),
        (RESTART_NO_HANDLER, SA_RESTART, False),
        (RESTART_SLEEP, SA_RESTART, False),
    ],
)
def test_a_handler_says_whether_a_call_is_begun_again(
    processes: Processes, core: CpuState, restart: int, flags: int, *, repeats: bool
) -> None:
    me = processes.make()
    handle(me, Signal.SIGUSR1, flags)
    saved = []

    async def body() -> None:
        from mpkernel.proc import signal_frame  # noqa: PLC0415

        await deliver(core, Signal.SIGUSR1, restart=restart)
        assert core.rip == HANDLER
        core.rsp += 8
        saved.append(await signal_frame.pop())
        saved.append(core.rip)
        assert current().restart == RESTART_NONE

    processes.run(me, body)
    assert saved == ([READ, RIP - 2] if repeats else [-4, RIP])


@pytest.mark.parametrize(
    ("restart", "number"),
    [(RESTART_CALL, READ), (RESTART_NO_HANDLER, READ), (RESTART_SLEEP, RESTART_SYSCALL)],
)
def test_without_handler_a_call_goes_on(
    processes: Processes, core: CpuState, restart: int, number: int
) -> None:
    async def body() -> None:
        await deliver(core, Signal.SIGCHLD, restart=restart)
        assert (core.rip, core.rax) == (RIP - 2, number)

    processes.run(processes.make(), body)


def test_the_mask_of_sigsuspend_comes_back(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        task = current()
        task.saved_mask = bit(Signal.SIGHUP)
        task.flags |= TASK_RESTORES_MASK
        await deliver(core, Signal.SIGCHLD)
        assert task.signal_mask == bit(Signal.SIGHUP)
        assert not task.flags & TASK_RESTORES_MASK
        assert (core.rip, core.rax) == (RIP, INTERRUPTED)

    processes.run(processes.make(), body)


def test_a_stopped_process_waits_for_the_signal_to_go_on(
    processes: Processes, core: CpuState
) -> None:
    me = processes.make(processes.make())
    order = []

    async def stopped() -> None:
        await deliver(core, Signal.SIGSTOP)
        order.append("goes on")

    async def other() -> None:
        assert me.is_stopped
        order.append("continues it")
        signal.send_process(me, Signal.SIGCONT)

    processes.run(me, stopped, other)
    assert order == ["continues it", "goes on"]
