"""The first task: it brings up devices and the root file system, then it becomes init.

State: RAM. Locks: none held. Context: task, on CPU 0; sleeps.
"""

import os
from typing import Final, NoReturn

from mpkernel.abi.errno import SysError
from mpkernel.arch import memory, power, topology
from mpkernel.block import device as block_device
from mpkernel.boot.init_process import start_init
from mpkernel.boot.parameters import BootParameters, FileModule
from mpkernel.drivers.start import start_devices
from mpkernel.fs import mount, tty
from mpkernel.fs.char_device import CHAR_CONSOLE, CHAR_STDERR, CHAR_STDIN, CHAR_STDOUT
from mpkernel.fs.ext2.geometry import VolumeError
from mpkernel.proc import futex, process
from mpkernel.sched import grace_period
from mpkernel.sched.exit_request import TaskExit
from mpkernel.trace import log

BootModules = list[tuple[str, int, int]]

STATUS_REFUSED: Final = 2


def init_tables() -> None:
    """Tables of the subsystems, empty. On CPU 0, before the first task."""
    grace_period.init()
    process.init()
    futex.init()
    tty.init()
    mount.init()


async def first_task(parameters: BootParameters, modules: BootModules) -> None:
    """Body of the first task; ends in user mode as process 1."""
    cpus = [index for index in range(topology.cpu_count()) if topology.is_online(index)]
    await start_devices(cpus)
    root = block_device.name_of(block_device.by_index(0)) if block_device.count() else ""
    try:
        await mount.mount_all(root)
    except (VolumeError, SysError) as error:
        _refuse(f"cannot mount /dev/{root} as the root: {error}")
    log.info(f"root file system on {root or 'memory'}")
    for name, start, size in modules:
        file = FileModule.decode(name)
        if file is not None:
            await mount.install_file(file.path.encode(), memory.read(start, size), file.mode)
    try:
        await _become_init(parameters)
    except SysError as error:
        _refuse(f"cannot start {parameters.init}: {os.strerror(error.errno)}")


def _refuse(text: str) -> NoReturn:
    """End the machine: what it was given cannot be used."""
    power.debug_write(f"mpkernel: {text}\n".encode("utf-8", "backslashreplace"))
    power.power_off(STATUS_REFUSED)
    raise TaskExit


async def _become_init(parameters: BootParameters) -> None:
    """Execute init with its streams, arguments and environment.

    Raises:
        SysError: it cannot be executed.
    """
    streams = (
        (CHAR_STDIN, CHAR_STDOUT, CHAR_STDERR)
        if parameters.stdio == "ports"
        else (CHAR_CONSOLE, CHAR_CONSOLE, CHAR_CONSOLE)
    )
    argv = [parameters.init, *parameters.init_args]
    await start_init(
        parameters.init.encode("utf-8", "surrogateescape"),
        [word.encode("utf-8", "surrogateescape") for word in argv],
        [f"{k}={v}".encode("utf-8", "surrogateescape") for k, v in parameters.env.items()],
        devices=streams,
        is_protected=parameters.stdio == "console",
    )
