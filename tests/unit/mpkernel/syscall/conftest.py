"""System calls as a process makes them: its memory and descriptors are real, user mode is not."""

from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hw.cpu.state import CORES, CpuState
from mpkernel.abi.errno import Errno, SysError
from mpkernel.fs.file import FILES
from mpkernel.fs.path import WORKING_DIRECTORY
from mpkernel.mm.user_memory import copy_to_user
from mpkernel.proc import fd_table
from mpkernel.proc.process import Process, current_process
from mpkernel.trace import log
from tests.unit.mpkernel.proc.conftest import (
    SCRATCH,
    Body,
    Processes,
    processes,  # noqa: F401  a fixture
)


class Caller:
    """A process with descriptors, in which bodies run."""

    def __init__(self, made: Processes) -> None:
        self.processes = made
        log.init(log.ERROR)
        made.kernel.cpu.core = SimpleNamespace(state=CORES[0])  # type: ignore[assignment]
        self.me = self.make()

    def make(self, parent: Process | None = None) -> Process:
        """A process with an empty table of descriptors."""
        process = self.processes.make(parent)
        process.files = fd_table.create().phys
        return process

    @property
    def registers(self) -> CpuState:
        """User registers."""
        return CORES[0]

    def run(self, *bodies: Body) -> Any:
        """Run bodies in the process until all have ended; the first one's result."""
        return self.processes.run(self.me, *bodies)[0]

    def refused(self, call: Callable[[], Awaitable[Any]]) -> str:
        """Name of the error of a call, empty if there is none."""

        async def body() -> str:
            return await error_of(call())

        found: str = self.run(body)
        return found


async def error_of(call: Awaitable[Any]) -> str:
    """Name of the error of a call, empty if there is none."""
    try:
        await call
    except SysError as error:
        return Errno(error.errno).name
    return ""


async def text(data: bytes, at: int = SCRATCH) -> int:
    """Put a string into user memory; its address."""
    await copy_to_user(at, data + b"\0")
    return at


@pytest.fixture
def caller(processes: Processes) -> Iterator[Caller]:  # noqa: F811
    """A caller on an empty tmpfs; no open file is left at the end."""
    before = dict(WORKING_DIRECTORY._entries)
    WORKING_DIRECTORY._entries.clear()
    WORKING_DIRECTORY.fill(lambda: current_process().cwd)
    made = Caller(processes)
    yield made
    processes.kernel.run_one(fd_table.put(fd_table.FdTable.at(made.me.files)))
    WORKING_DIRECTORY._entries.clear()
    WORKING_DIRECTORY._entries.update(before)
    assert FILES.in_use == 0
