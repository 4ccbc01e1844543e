"""Waiting for children: wait4 and waitid.

Spec: Linux wait4(2), waitid(2). State: RAM. Locks: TREE.lock over Process.lock.
Context: task; may sleep.
"""

from dataclasses import dataclass
from typing import Final

from mpkernel.abi.errno import Errno, SysError
from mpkernel.abi.signal import CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED
from mpkernel.proc.process import (
    PROCESS_ZOMBIE,
    TREE,
    Process,
    current_process,
    put_process,
    unlink_locked,
)

WNOHANG: Final = 1
WSTOPPED: Final = 2  #: WUNTRACED
WEXITED: Final = 4
WCONTINUED: Final = 8
WNOWAIT: Final = 0x0100_0000
#: __WNOTHREAD, __WALL, __WCLONE: all children are waited for by all threads.
IGNORED_OPTIONS: Final = 0xE000_0000

CONTINUED_STATUS: Final = 0xFFFF


@dataclass(frozen=True)
class ChildNews:
    """What became of a child."""

    pid: int
    status: int  #: as wait4 stores it
    user_ns: int
    system_ns: int

    @property
    def cause(self) -> tuple[int, int]:
        """si_code and si_status of waitid."""
        if self.status == CONTINUED_STATUS:
            return CLD_CONTINUED, 18
        if self.status & 0xFF == 0x7F:
            return CLD_STOPPED, self.status >> 8
        if self.status & 0x7F:
            return CLD_KILLED, self.status & 0x7F
        return CLD_EXITED, self.status >> 8


async def wait_child(which: int, options: int) -> ChildNews | None:
    """Wait for news of a child: its id, -1 any, 0 of the caller's group, -n of group n.

    None: WNOHANG, and there are none yet. A child that ended is reaped, but with WNOWAIT.

    Raises:
        SysError: ECHILD, no such child.
        Interrupted: a signal came.
    """
    process = current_process()
    found: list[ChildNews] = []

    def look() -> bool:
        news = _look(process, which, options)
        if news is not None:
            found.append(news)
        return news is not None

    if not options & WNOHANG:
        await process.child_wait.wait_until(look, takes=True)
    else:
        look()
    return found[0] if found else None


def _look(process: Process, which: int, options: int) -> ChildNews | None:
    """News that is there now.

    Raises:
        SysError: ECHILD.
    """
    reaped = None
    with TREE.lock.irqsave():
        is_childless = True
        group = process.group if which == 0 else -which
        for child in process.children.objects(Process, "sibling_node"):
            if which > 0 and child.pid != which:
                continue
            if (which == 0 or which < -1) and child.group != group:
                continue
            is_childless = False
            news = _news_of_locked(child, options)
            if news is None:
                continue
            if child.state == PROCESS_ZOMBIE and not options & WNOWAIT:
                process.children_user_ns += news.user_ns
                process.children_system_ns += news.system_ns
                unlink_locked(child)
                reaped = child
            break
        else:
            news = None
        if is_childless:
            raise SysError(Errno.ECHILD)
    if reaped is not None:
        put_process(reaped)
    return news


def _news_of_locked(child: Process, options: int) -> ChildNews | None:
    times = (
        child.user_ns + child.children_user_ns,
        child.system_ns + child.children_system_ns,
    )
    if child.state == PROCESS_ZOMBIE:
        return ChildNews(child.pid, child.exit_status, *times) if options & WEXITED else None
    with child.lock:
        if options & WSTOPPED and child.is_stopped and child.has_stop_news:
            if not options & WNOWAIT:
                child.has_stop_news = 0
            return ChildNews(child.pid, child.stop_signal << 8 | 0x7F, *times)
        if options & WCONTINUED and child.has_continue_news:
            if not options & WNOWAIT:
                child.has_continue_news = 0
            return ChildNews(child.pid, CONTINUED_STATUS, *times)
    return None
