"""Pending signals: who gets them, what is ignored, what stops and continues."""

from typing import Any

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import SEGV_MAPERR, SI_TKILL, SIG_DFL, SIG_IGN, Signal, bit
from mpkernel.proc import signal
from mpkernel.proc.process import Process
from mpkernel.proc.signal import action_of, set_mask
from mpkernel.sched.task import Task, current
from tests.unit.mpkernel.proc.conftest import Processes


def only_thread(process: Process) -> Task:
    task = process.threads.first(Task, "thread_node")
    assert task is not None
    return task


def test_a_signal_is_taken_once_in_order_of_number(processes: Processes) -> None:
    me = processes.make()

    async def body() -> list[int]:
        task = current()
        set_mask(only_thread(me), (1 << 64) - 1)
        signal.kill(me.pid, Signal.SIGTERM)
        signal.kill(me.pid, Signal.SIGHUP)
        signal.kill(me.pid, Signal.SIGHUP)
        assert task.signal_pending
        taken = [signal.dequeue(task)[0] for _ in range(3)]
        assert not task.signal_pending
        return taken

    assert processes.run(me, body) == [[Signal.SIGHUP, Signal.SIGTERM, 0]]


def test_a_blocked_signal_waits(processes: Processes) -> None:
    me = processes.make()

    async def body() -> None:
        task = current()
        set_mask(only_thread(me), (1 << 64) - 1)
        set_mask(task, bit(Signal.SIGUSR1) | bit(Signal.SIGKILL))
        assert task.signal_mask == bit(Signal.SIGUSR1)
        signal.kill(me.pid, Signal.SIGUSR1)
        assert not task.signal_pending
        assert signal.dequeue(task)[0] == 0
        set_mask(task, 0)
        assert task.signal_pending
        assert signal.dequeue(task)[0] == Signal.SIGUSR1

    processes.run(me, body)


def test_what_is_ignored_is_not_kept(processes: Processes) -> None:
    me = processes.make()
    action_of(me, Signal.SIGTERM).handler = SIG_IGN
    for number in (Signal.SIGCHLD, Signal.SIGTERM):
        signal.send_process(me, number)
    assert me.pending == 0
    only_thread(me).signal_mask = bit(Signal.SIGCHLD)
    signal.send_process(me, Signal.SIGCHLD)
    assert me.pending == bit(Signal.SIGCHLD)


def test_a_protected_process_survives_default_actions(processes: Processes) -> None:
    init = processes.make()
    init.is_protected = 1
    for number in (Signal.SIGTERM, Signal.SIGKILL, Signal.SIGSTOP):
        signal.send_process(init, number)
    assert init.pending == 0
    action_of(init, Signal.SIGTERM).handler = 0x1000
    signal.send_process(init, Signal.SIGTERM)
    assert init.pending == bit(Signal.SIGTERM)


def test_stop_and_continue_cancel_each_other(processes: Processes) -> None:
    parent = processes.make()
    me = processes.make(parent)
    only_thread(me).signal_mask = (1 << 64) - 1
    signal.send_process(me, Signal.SIGTSTP)
    signal.send_process(me, Signal.SIGCONT)
    assert me.pending == bit(Signal.SIGCONT)
    signal.send_process(me, Signal.SIGTSTP)
    assert me.pending == bit(Signal.SIGTSTP)

    async def body() -> None:
        signal.stop_current(Signal.SIGTSTP)
        assert me.is_stopped
        assert me.has_stop_news
        assert current().signal_pending
        signal.send_process(me, Signal.SIGCONT)
        assert not me.is_stopped
        assert me.has_continue_news

    processes.run(me, body)


def test_a_fault_passes_mask_and_ignore(processes: Processes) -> None:
    me = processes.make()
    action_of(me, Signal.SIGSEGV).handler = SIG_IGN

    async def body() -> None:
        task = current()
        set_mask(task, bit(Signal.SIGSEGV))
        task.signals |= bit(Signal.SIGHUP)
        signal.force_fault(Signal.SIGSEGV, SEGV_MAPERR, 0x1234)
        number, action, sender = signal.dequeue(task)
        assert (number, action.handler) == (Signal.SIGSEGV, 0)
        assert sender.code > 0
        assert (task.fault_code, task.fault_address) == (SEGV_MAPERR, 0x1234)

    processes.run(me, body)


def test_a_thread_gets_what_is_sent_to_it(processes: Processes) -> None:
    me = processes.make()

    async def body() -> None:
        task = current()
        signal.kill_thread(me.pid, task.tid, Signal.SIGUSR1)
        assert me.pending == 0
        number, _, sender = signal.dequeue(task)
        assert (number, sender.code, sender.pid) == (Signal.SIGUSR1, SI_TKILL, me.pid)
        for group, tid in ((me.pid, 999), (me.pid + 1, task.tid)):
            with pytest.raises(SysError) as caught:
                signal.kill_thread(group, tid, Signal.SIGUSR1)
            assert caught.value.errno == Errno.ESRCH

    processes.run(me, body)


@pytest.mark.parametrize(
    ("number", "handler", "mask", "ends"),
    [
        (Signal.SIGKILL, SIG_DFL, -1, True),
        (Signal.SIGTERM, SIG_DFL, 0, True),
        (Signal.SIGTERM, SIG_DFL, bit(Signal.SIGTERM), False),
        (Signal.SIGTERM, SIG_IGN, 0, False),
        (Signal.SIGTERM, 0x1000, 0, False),
        (Signal.SIGCHLD, SIG_DFL, 0, False),
        (Signal.SIGSTOP, SIG_DFL, 0, False),
        (Signal.SIGSEGV, SIG_DFL, 0, True),
    ],
)
@pytest.mark.parametrize("send", [signal.send_process, signal.send_task])
def test_a_signal_that_ends_the_task_ends_its_killable_sleeps(
    processes: Processes, send: Any, number: int, handler: int, mask: int, ends: bool
) -> None:
    me = processes.make()
    action_of(me, number).handler = handler

    async def body() -> tuple[int, int]:
        task = current()
        set_mask(only_thread(me), (1 << 64) - 1)
        set_mask(task, mask & (1 << 64) - 1)
        send(me if send is signal.send_process else task, number)
        before = task.must_end
        signal.begin_end(task)
        with me.lock.irqsave():
            signal.recompute_locked(me, task)
        return before, task.must_end

    assert processes.run(me, body) == [(ends, 0)], "and none once its end has begun"


def test_groups(processes: Processes) -> None:
    parent = processes.make()
    one, other, apart = (processes.make(parent) for _ in range(3))
    one.group = other.group = one.pid
    apart.group = apart.pid
    assert signal.signal_group(one.pid, Signal.SIGINT) == 2
    assert [p.pending for p in (parent, one, other, apart)] == [0, 2, 2, 0]

    async def body() -> None:
        signal.kill(-one.pid, Signal.SIGHUP)
        with pytest.raises(SysError):
            signal.kill(-999, Signal.SIGHUP)
        signal.kill(-1, Signal.SIGTERM)

    processes.run(parent, body)
    assert [p.pending & 1 for p in (one, other, apart)] == [1, 1, 0]
    assert apart.pending == bit(Signal.SIGTERM)
    assert parent.pending == 0
