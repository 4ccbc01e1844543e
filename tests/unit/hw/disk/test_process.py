"""The device process ends with its launcher, even when its loop is busy elsewhere."""

import os
import signal

import pytest

from hw import host
from hw.disk.console_back_end import ConsoleBackEnd
from hw.disk.process import DEATH_SIGNAL, FIRST_PORT_SLOT, DeviceProcess
from hw.irq.party import DEVICE_PARTY, HEADER, PARTIES
from hw.machine_config import PortConfig
from hw.spec.virtio import TYPE_CONSOLE
from hw.virtio.device import VirtioDevice
from hw.virtio.memory import MachineMemory
from tests.support.bare_driver import find

pytestmark = pytest.mark.usefixtures("board")


class Recorder:
    """Stands for a terminal."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def restore(self) -> None:
        """Note the call."""
        os.write(self.fd, b"restored")


@pytest.mark.parametrize("by_signal", [False, True])
def test_launcher_dies(*, by_signal: bool):
    queue = host.create_queue(1)
    PARTIES[DEVICE_PARTY].doorbell_fd = queue.mqd
    read_fd, write_fd = os.pipe()
    stand_in = os.fork()
    if not stand_in:
        signal.pause()
    HEADER.launcher_pidfd = os.pidfd_open(stand_in)
    ports = (PortConfig("console", is_console=True),)
    device = VirtioDevice(find(TYPE_CONSOLE), MachineMemory())
    console = ConsoleBackEnd(device, ports, FIRST_PORT_SLOT)
    process = DeviceProcess({}, console, 1, [Recorder(write_fd)])  # type: ignore[list-item]
    pid = host.fork("devices", process.run)
    while PARTIES[DEVICE_PARTY].mode.value == 0:
        os.sched_yield()
    os.kill(*((pid, DEATH_SIGNAL) if by_signal else (stand_in, signal.SIGTERM)))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 71
    assert os.read(read_fd, 100) == b"restored"
    os.kill(stand_in, signal.SIGKILL)
    os.waitpid(stand_in, 0)
    for fd in (read_fd, write_fd, HEADER.launcher_pidfd):
        os.close(fd)
    queue.close()
