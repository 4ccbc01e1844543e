"""Texts of /proc/PID: fields where proc(5) says, and processes that are gone."""

import ctypes

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.proc import fd_table
from mpkernel.proc.process_texts import ProcessFiles
from mpkernel.sched.task import Task, set_name
from tests.unit.mpkernel.proc.conftest import Processes

FILES = ProcessFiles()


def test_stat_and_status(processes: Processes) -> None:
    init = processes.make()
    child = processes.make(init)
    task = child.threads.first(Task, "thread_node")
    assert task is not None
    set_name(task, "a program")
    child.group, child.session = 2, 1
    child.user_ns, child.children_system_ns = 20_000_000, 70_000_000

    async def text(name: str) -> str:
        return (await FILES.text(child.pid, name)).decode()

    stat = processes.kernel.run_one(text("stat"))
    head, _, rest = stat.partition(") ")
    assert head == "2 (a program"
    fields = ["", "", "", *rest.split()]
    assert len(fields) == 53
    assert fields[4:7] == ["1", "2", "1"]
    assert (fields[14], fields[15], fields[17], fields[20]) == ("2", "0", "7", "1")
    status = dict(
        line.split(":\t") for line in processes.kernel.run_one(text("status")).splitlines()
    )
    assert (status["Name"], status["Pid"], status["PPid"]) == ("a program", "2", "1")
    assert processes.kernel.run_one(text("comm")) == "a program\n"
    child.is_stopped = 1
    assert ") T " in processes.kernel.run_one(text("stat"))


def test_command_and_descriptors(processes: Processes) -> None:
    init = processes.make()
    init.files = fd_table.create().phys
    command = b"sh\0-c\0true\0"
    ctypes.memmove(init.command, command, len(command))
    init.command_size = len(command)
    assert processes.kernel.run_one(FILES.text(1, "cmdline")) == command
    assert FILES.descriptors(1) == []
    assert processes.kernel.run_one(FILES.link(1, "cwd")) == b"/"
    with pytest.raises(SysError, match="ENOENT"):
        processes.kernel.run_one(FILES.descriptor(1, 0))


def test_who_is_gone(processes: Processes) -> None:
    init = processes.make()
    references = init.references.value
    assert (FILES.pids(), FILES.exists(1), FILES.exists(2)) == ([1], True, False)
    assert init.references.value == references
    assert FILES.descriptors(2) == []
    with pytest.raises(SysError, match="ESRCH"):
        processes.kernel.run_one(FILES.text(2, "stat"))
