"""The console driver over pipes of the host."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hw.machine_config import PortConfig
from mpkernel.drivers import bus
from tests.support.device_kernel import DeviceKernel, device_kernel


@dataclass
class Rig:
    """A kernel with three streams and a console; the host's ends of their pipes."""

    kernel: DeviceKernel
    stdin: int
    stdout: int
    keys: int
    screen: int

    def close(self, fd: int) -> None:
        os.close(fd)

    def read_host(self, fd: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            self.kernel.settle(3)
            data += os.read(fd, size - len(data))
        return data


@pytest.fixture
def rig() -> Iterator[Rig]:
    ends = {name: os.pipe() for name in ("stdin", "stdout", "keys", "screen")}
    ports = (
        PortConfig("console", ends["keys"][0], ends["screen"][1], is_console=True),
        PortConfig("stdin", input_fd=ends["stdin"][0]),
        PortConfig("stdout", output_fd=ends["stdout"][1]),
    )
    for name in ("stdout", "screen"):
        os.set_blocking(ends[name][0], False)
    with device_kernel(ports=ports, cpus=2) as kernel:
        kernel.call(bus.probe_all())
        yield Rig(kernel, ends["stdin"][1], ends["stdout"][0], ends["keys"][1], ends["screen"][0])
    for fd in (end for pair in ends.values() for end in pair):
        try:
            os.close(fd)
        except OSError:
            continue
