"""A handler's frame: what is pushed comes back, where Linux puts it, and no privileged flags."""

import pytest

from hw.cpu.state import CpuState
from mpkernel.abi.errno import SysError
from mpkernel.abi.signal import (
    REGISTER_NAMES,
    SA_ONSTACK,
    SA_RESTORER,
    SEGV_MAPERR,
    SI_KERNEL,
    SI_USER,
    FloatState,
    Signal,
    SignalAction,
    SignalFrame,
)
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.proc import signal_frame
from mpkernel.proc.process import SentBy
from mpkernel.sched.task import current
from tests.unit.mpkernel.proc.conftest import SCRATCH, Processes

HANDLER, RESTORER = 0x40_1000, 0x40_2000
STACK = SCRATCH + 0x2FF0
FLAG_IF, FLAG_DF, FLAG_CF, IOPL = 1 << 9, 1 << 10, 1, 3 << 12


def fill(state: CpuState) -> dict[str, int]:
    for number, name in enumerate(REGISTER_NAMES, start=1):
        setattr(state, name, number << 40 | number)
    state.rsp = STACK
    state.rflags = 2 | FLAG_IF | FLAG_DF | FLAG_CF
    state.mxcsr = 0x1F80
    state.xmm[:] = [number * 3 for number in range(32)]
    return {name: getattr(state, name) for name in REGISTER_NAMES}


def action(flags: int = SA_RESTORER) -> SignalAction:
    return SignalAction(HANDLER, flags, RESTORER, 0)


def test_there_and_back(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        before = fill(core)
        await signal_frame.push(Signal.SIGUSR1, action(), SentBy(SI_USER, 77, 5), 0xF0)
        at = core.rsp
        assert at % 16 == 8, "as after a call"
        assert at + SignalFrame.SIZE + FloatState.SIZE <= STACK - 128, "the red zone is kept"
        assert (core.rip, core.rdi) == (HANDLER, Signal.SIGUSR1)
        assert not core.rflags & FLAG_DF
        frame = SignalFrame.from_buffer_copy(await copy_from_user(at, SignalFrame.SIZE))
        assert frame.return_address == RESTORER
        assert (frame.info.si_signo, frame.info.si_code, frame.info.fields[0]) == (10, 0, 77)
        assert (core.rsi, core.rdx) == (at + SignalFrame.info.offset, at + 8)
        assert frame.context.registers.fpstate % 64 == 0
        for name in REGISTER_NAMES:
            setattr(core, name, 0)
        core.xmm[:] = [0] * 32
        core.rsp, core.rflags = at + 8, 2 | FLAG_IF  # as after RET to the restorer
        assert await signal_frame.pop() == before["rax"]
        assert {name: getattr(core, name) for name in REGISTER_NAMES} == before
        assert core.rflags == 2 | FLAG_IF | FLAG_DF | FLAG_CF
        assert list(core.xmm) == [number * 3 for number in range(32)]
        assert current().signal_mask == 0xF0

    processes.run(processes.make(), body)


def test_a_forged_frame_gains_nothing(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        fill(core)
        frame = SignalFrame()
        frame.context.registers.rflags = IOPL | FLAG_CF
        frame.context.registers.rax = (1 << 64) - 1
        frame.context.uc_sigmask = (1 << 64) - 1
        await copy_to_user(SCRATCH, bytes(frame))
        core.rsp = SCRATCH + 8
        assert await signal_frame.pop() == -1
        assert core.rflags & IOPL == 0
        assert core.rflags & FLAG_IF
        kept = 1 << Signal.SIGKILL - 1 | 1 << Signal.SIGSTOP - 1
        assert current().signal_mask & kept == 0
        core.rsp = 64
        with pytest.raises(SysError, match="EFAULT"):
            await signal_frame.pop()

    processes.run(processes.make(), body)


def test_the_alternate_stack(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        fill(core)
        task = current()
        task.alt_stack_base, task.alt_stack_size = SCRATCH, 8192
        on_stack = action(SA_RESTORER | SA_ONSTACK)
        await signal_frame.push(Signal.SIGUSR1, on_stack, SentBy(), 0)
        first = core.rsp
        assert SCRATCH < first < SCRATCH + 8192
        assert signal_frame.is_on_alt_stack(task)
        await signal_frame.push(Signal.SIGUSR2, on_stack, SentBy(), 0)
        assert SCRATCH < core.rsp < first, "a second handler goes below the first"
        core.rsp = STACK
        await signal_frame.push(Signal.SIGUSR2, action(), SentBy(), 0)
        assert core.rsp > SCRATCH + 8192

    processes.run(processes.make(), body)


def test_faults_tell_where(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        fill(core)
        task = current()
        task.fault_code, task.fault_address = SEGV_MAPERR, 0x1234_5678_9ABC
        await signal_frame.push(Signal.SIGSEGV, action(), SentBy(SI_KERNEL, 0, 0), 0)
        frame = SignalFrame.from_buffer_copy(await copy_from_user(core.rsp, SignalFrame.SIZE))
        assert frame.info.si_code == SEGV_MAPERR
        assert frame.info.fields[0] | frame.info.fields[1] << 32 == 0x1234_5678_9ABC
        assert frame.context.registers.cr2 == 0x1234_5678_9ABC

    processes.run(processes.make(), body)


def test_no_frame_without_stack_or_restorer(processes: Processes, core: CpuState) -> None:
    async def body() -> None:
        before = fill(core)
        with pytest.raises(SysError, match="EFAULT"):
            await signal_frame.push(Signal.SIGUSR1, action(0), SentBy(), 0)
        core.rsp = 4096
        with pytest.raises(SysError, match="EFAULT"):
            await signal_frame.push(Signal.SIGUSR1, action(), SentBy(), 0)
        assert core.rip == before["rip"]

    processes.run(processes.make(), body)
