"""Ends: statuses, zombies, orphans, and what a thread owes to others."""

from typing import Any

import pytest

from mpkernel.abi.signal import SIG_IGN, Signal, bit
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.proc import futex, process
from mpkernel.proc.exit import POWER_OFF, code_status, exit_process, exit_thread, shell_status
from mpkernel.proc.process import PROCESS_ZOMBIE, TREE, Process
from mpkernel.proc.signal import action_of
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.task import Task, current
from tests.unit.mpkernel.proc.conftest import SCRATCH, Body, Processes


def leave_alone(where: Process) -> None:
    """The process's first thread, which never runs, is no more."""
    with TREE.lock.irqsave(), where.lock:
        first = where.threads.first(Task, "thread_node")
        assert first is not None
        first.thread_node.remove()
        where.thread_count -= 1


def end_in(processes: Processes, where: Process, body: Body, *others: Body) -> None:
    """Run a body in its process, as a thread that ends; others beside it."""

    async def inside() -> Any:
        task = current()
        task.process, task.address_space = where.phys, where.address_space
        with TREE.lock.irqsave(), where.lock:
            task.tid = process.allocate_pid_locked(task, None)
            process.attach_thread_locked(where, task)
        leave_alone(where)
        with pytest.raises(TaskExit):
            await body()

    processes.kernel.run(inside(), *[other() for other in others])


@pytest.mark.parametrize(
    ("status", "shell"), [(code_status(3), 3), (code_status(-1), 255), (9, 137), (0, 0)]
)
def test_statuses(status: int, shell: int) -> None:
    assert shell_status(status) == shell


def test_a_zombie_keeps_its_status_and_nothing_else(processes: Processes) -> None:
    init = processes.make()
    child = processes.make(init)
    action_of(init, Signal.SIGCHLD).handler = 0x1000
    child.exit_signal = Signal.SIGCHLD
    end_in(processes, child, lambda: exit_process(code_status(7)))
    assert (child.state, child.exit_status) == (PROCESS_ZOMBIE, 0x700)
    assert (child.address_space, child.files, child.cwd) == (0, 0, 0)
    assert init.pending == bit(Signal.SIGCHLD)
    assert process.all_pids() == [init.pid, child.pid]


def test_a_parent_that_ignores_ends_keeps_no_zombies(processes: Processes) -> None:
    init = processes.make()
    action_of(init, Signal.SIGCHLD).handler = SIG_IGN
    child = processes.make(init)
    child.exit_signal = Signal.SIGCHLD
    end_in(processes, child, lambda: exit_process(0))
    assert process.all_pids() == [init.pid]
    assert init.pending == 0


def test_orphans_go_to_the_first_process(processes: Processes) -> None:
    init = processes.make()
    parent = processes.make(init)
    alive, dead = processes.make(parent), processes.make(parent)
    dead.state = PROCESS_ZOMBIE
    end_in(processes, parent, lambda: exit_process(0))
    assert (alive.parent, dead.parent) == (init.phys, init.phys)
    assert alive.parent_pid == init.pid
    assert alive.exit_signal == Signal.SIGCHLD


def test_a_thread_clears_its_word_and_wakes_who_joins(processes: Processes) -> None:
    init = processes.make()
    me = processes.make(init)
    woken = []

    async def joins() -> None:
        task = current()
        task.process, task.address_space = me.phys, me.address_space
        await copy_to_user(SCRATCH, b"\x05\0\0\0")
        await futex.wait(SCRATCH, 5, is_shared=True)
        assert await copy_from_user(SCRATCH, 4) == bytes(4)
        woken.append(True)

    async def ends() -> None:
        task = current()
        task.process, task.address_space = me.phys, me.address_space
        with TREE.lock.irqsave(), me.lock:
            task.tid = process.allocate_pid_locked(task, None)
            process.attach_thread_locked(me, task)
        task.clear_tid = SCRATCH
        with pytest.raises(TaskExit):
            await exit_thread(0)

    processes.kernel.run(joins(), ends())
    assert woken == [True]
    assert me.state != PROCESS_ZOMBIE, "another thread goes on"
    assert me.thread_count == 1


def test_the_end_of_the_first_process_ends_the_machine(processes: Processes) -> None:
    init = processes.make()
    ended = []

    async def power_off(status: int) -> None:
        ended.append(status)

    before = dict(POWER_OFF._entries)
    POWER_OFF._entries.clear()
    POWER_OFF.fill(power_off)
    try:
        end_in(processes, init, lambda: exit_process(code_status(5)))
    finally:
        POWER_OFF._entries.clear()
        POWER_OFF._entries.update(before)
    assert ended == [5]
