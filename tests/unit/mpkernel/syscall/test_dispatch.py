"""From registers to a handler and back: widths of arguments, results, errors, calls cut short."""

from mpkernel.abi.errno import Errno
from mpkernel.abi.signal import Signal
from mpkernel.proc import signal
from mpkernel.sched.task import current
from mpkernel.syscall import descriptor
from mpkernel.syscall.dispatch import _arguments, system_call
from mpkernel.syscall.table import TABLE
from tests.unit.mpkernel.proc.conftest import SCRATCH
from tests.unit.mpkernel.syscall.conftest import Caller

NEGATIVE = (1 << 64) - 1
READ = 0
RT_SIGPENDING = 127


def test_letters_say_how_wide(caller: Caller) -> None:
    state = caller.registers
    state.rdi, state.rsi, state.rdx = NEGATIVE, NEGATIVE, NEGATIVE
    assert _arguments("ilu") == [-1, -1, NEGATIVE]
    state.rdi = 0x1_0000_0005
    assert _arguments("i") == [5]
    state.r10, state.r8, state.r9 = 4, 5, 6
    assert _arguments("uuuuuu")[3:] == [4, 5, 6]


def test_results_and_errors(caller: Caller) -> None:
    state = caller.registers

    async def body() -> None:
        absent = next(number for number in range(600) if number not in TABLE)
        for number in (absent, 1 << 31):
            state.rax = number
            await system_call()
            assert state.rax == NEGATIVE + 1 - Errno.ENOSYS
        state.rax, state.rdi, state.rsi, state.rdx = READ, 55, SCRATCH, 1
        await system_call()
        assert state.rax == NEGATIVE + 1 - Errno.EBADF
        state.rax, state.rdi, state.rsi = RT_SIGPENDING | 1 << 32, SCRATCH, 8
        await system_call()
        assert state.rax == 0

    caller.run(body)


def test_a_call_cut_short_leaves_what_is_to_be_begun_again(caller: Caller) -> None:
    state = caller.registers
    caller.me.actions[Signal.SIGTERM - 1].handler = 0x1000

    async def reader() -> None:
        await descriptor.pipe_(SCRATCH)
        state.rax, state.rdi, state.rsi, state.rdx = READ, 0, SCRATCH, 1
        await system_call()
        task = current()
        assert state.rax == NEGATIVE + 1 - Errno.EINTR
        assert (task.restart, task.restart_number) == (TABLE[READ].restart, READ)
        assert task.restart
        assert task.signal_pending

    async def sender() -> None:
        for thread in caller.me.threads.objects(type(current()), "thread_node"):
            if thread.phys != current().phys:
                signal.kill_thread(caller.me.pid, thread.tid, Signal.SIGTERM)

    caller.run(reader, sender)
