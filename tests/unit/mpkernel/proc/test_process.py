"""Process ids, the tree, and what fork copies."""

from mpkernel.abi.signal import SIG_IGN, Signal
from mpkernel.proc import process
from mpkernel.proc.process import PROCESSES, TASKS, TREE
from mpkernel.proc.signal import action_of
from tests.unit.mpkernel.proc.conftest import Processes


def test_ids_ascend_and_come_back_only_after_the_last(processes: Processes) -> None:
    first, second = processes.make(), processes.make()
    assert (first.pid, second.pid) == (1, 2)
    with TREE.lock.irqsave():
        process.unlink_locked(second)
    third = processes.make(first)
    assert third.pid == 3
    TREE.last_pid = process.PID_MAX - 1
    assert processes.make(first).pid == 2
    assert processes.make(first).pid == 4


def test_a_held_process_outlives_its_unlinking(processes: Processes) -> None:
    first = processes.make()
    child = processes.make(first)
    held = process.by_pid(child.pid)
    assert held is not None
    assert process.all_pids() == [1, 2]
    with TREE.lock.irqsave():
        process.unlink_locked(child)
    assert process.by_pid(2) is None
    assert process.all_pids() == [1]
    in_use = PROCESSES.in_use
    task = next(iter(process.threads_locked(child)))
    process.put_process(child)
    process.put_process(held)
    assert PROCESSES.in_use == in_use, "the task still has a reference"
    process.put_task(task)
    assert PROCESSES.in_use == in_use - 1
    assert TASKS.in_use == 1


def test_a_child_inherits_group_actions_and_umask(processes: Processes) -> None:
    parent = processes.make()
    parent.umask = 0o077
    action_of(parent, Signal.SIGHUP).handler = SIG_IGN
    child = processes.make(parent)
    assert (child.group, child.session, child.umask) == (1, 1, 0o077)
    assert child.parent_pid == 1
    assert action_of(child, Signal.SIGHUP).handler == SIG_IGN
    assert action_of(child, Signal.SIGTERM).handler == 0
