"""Waiting: which child is meant, what news counts, and what is told twice."""

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.abi.signal import CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED, Signal
from mpkernel.proc import process
from mpkernel.proc.process import PROCESS_ZOMBIE, Process
from mpkernel.proc.wait import WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, wait_child
from tests.unit.mpkernel.proc.conftest import Processes

NOW = WEXITED | WNOHANG


def end(child: Process, status: int) -> None:
    child.state, child.exit_status = PROCESS_ZOMBIE, status


def test_which_child(processes: Processes) -> None:
    parent = processes.make()
    one, other, third = (processes.make(parent) for _ in range(3))
    other.group = third.group = other.pid
    for number, child in enumerate((one, other, third)):
        end(child, number << 8)

    async def body() -> list[int]:
        found = []
        for which in (-other.pid, third.pid, 0):
            news = await wait_child(which, NOW)
            assert news is not None
            found.append(news.pid)
        for which in (-1, 0, one.pid, -other.pid):
            with pytest.raises(SysError, match="ECHILD"):
                await wait_child(which, NOW)
        return found

    assert processes.run(parent, body) == [[other.pid, third.pid, one.pid]]
    assert process.all_pids() == [parent.pid]


def test_an_end_is_told_once_and_times_are_added(processes: Processes) -> None:
    parent = processes.make()
    child = processes.make(parent)
    child.user_ns, child.children_user_ns, child.system_ns = 5, 6, 7

    async def body() -> None:
        assert await wait_child(-1, NOW) is None
        end(child, Signal.SIGKILL)
        for _ in range(2):
            news = await wait_child(-1, NOW | WNOWAIT)
            assert news is not None
            assert news.cause == (CLD_KILLED, Signal.SIGKILL)
        assert parent.children_user_ns == 0
        assert await wait_child(-1, WSTOPPED | WNOHANG) is None
        news = await wait_child(-1, WEXITED)
        assert news is not None
        assert (news.user_ns, news.system_ns) == (11, 7)
        assert (parent.children_user_ns, parent.children_system_ns) == (11, 7)

    processes.run(parent, body)


def test_stops_and_continues(processes: Processes) -> None:
    parent = processes.make()
    child = processes.make(parent)
    child.is_stopped, child.has_stop_news, child.stop_signal = 1, 1, Signal.SIGTSTP

    async def body() -> None:
        every = WSTOPPED | WCONTINUED | WNOHANG
        assert await wait_child(child.pid, NOW) is None
        news = await wait_child(child.pid, every)
        assert news is not None
        assert (news.status, news.cause) == (0x147F, (CLD_STOPPED, Signal.SIGTSTP))
        assert await wait_child(child.pid, every) is None
        child.is_stopped, child.has_continue_news = 0, 1
        news = await wait_child(child.pid, every)
        assert news is not None
        assert (news.status, news.cause) == (0xFFFF, (CLD_CONTINUED, 18))
        assert await wait_child(child.pid, every) is None

    processes.run(parent, body)


def test_the_waiter_sleeps_until_there_is_news(processes: Processes) -> None:
    parent = processes.make()
    child = processes.make(parent)
    order = []

    async def waiter() -> None:
        news = await wait_child(-1, WEXITED)
        assert news is not None
        assert news.cause == (CLD_EXITED, 9)
        order.append("waited")

    async def ender() -> None:
        order.append("ends")
        end(child, 9 << 8)
        parent.child_wait.wake_all()

    processes.run(parent, waiter, ender)
    assert order == ["ends", "waited"]
