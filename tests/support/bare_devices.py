"""Scenarios of bare machines with devices: disk, console ports, entropy.

    python -m tests.support.bare_devices SCENARIO [IMAGE...]

State: words of RAM from RINGS on. Context: a process of its own, without threads.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hw import clock, host, ram
from hw.irq import doorbell
from hw.irq.local_apic import LOCAL_APICS
from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig, MachineError, PortConfig
from hw.spec.memory_map import MIB, PCI_WINDOW_BASE
from hw.spec.virtio import (
    BLK_S_OK,
    BLK_T_FLUSH,
    BLK_T_IN,
    BLK_T_OUT,
    CONSOLE_CONTROL_RX,
    CONSOLE_CONTROL_TX,
    CONSOLE_DEVICE_READY,
    CONSOLE_F_MULTIPORT,
    CONSOLE_PORT_ADD,
    CONSOLE_PORT_NAME,
    CONSOLE_PORT_OPEN,
    CONSOLE_PORT_READY,
    CONSOLE_RESIZE,
    F_VERSION_1,
    TYPE_BLK,
    TYPE_CONSOLE,
    TYPE_RNG,
    BlkRequest,
    ConsoleControl,
    console_rx_queue,
    console_tx_queue,
)
from tests.support.bare_driver import Driver, find
from tests.support.bare_machine import SUCCESS, enable_apic, power_off, say

RINGS: Final = 10 * MIB
BUFFERS: Final = 12 * MIB
VECTOR: Final = 0x61


def sleeper(core: int) -> Callable[[], None]:
    """Return what a waiting driver does: sleep, take the interrupt."""
    apic = LOCAL_APICS[core]
    end = time.monotonic() + 10

    def turn() -> None:
        assert time.monotonic() < end, "no interrupt came"
        if apic.accept() is None:
            doorbell.halt(core, clock.tsc() + clock.counts_of(1_000_000_000))
        else:
            apic.eoi()

    return turn


def transfer(driver: Driver, kind: int, sector: int, size: int) -> int:
    """Do one disk request at BUFFERS; return its status byte."""
    header, data, status = BUFFERS, BUFFERS + 4096, BUFFERS + 512
    ram.write(header, bytes(BlkRequest(kind, 0, sector)))
    ram.write(status, b"\xee")
    body = [(data, size)] if size else []
    out = [(header, 16), *(body if kind == BLK_T_OUT else [])]
    into = [*(body if kind == BLK_T_IN else []), (status, 1)]
    driver.post(0, out, into)
    driver.wait(0, sleeper(driver.core))
    return ram.read(status, 1)[0]


def disk(core: int) -> None:
    """Write, flush and read back; the test looks at the image afterwards."""
    enable_apic(core)
    driver = Driver(find(TYPE_BLK), PCI_WINDOW_BASE, RINGS)
    driver.start(vector=0)
    driver.use_msix(0, 0, VECTOR)
    data = BUFFERS + 4096
    pattern = bytes(range(256)) * 32
    assert transfer(driver, BLK_T_IN, 0, 4096) == BLK_S_OK
    assert ram.read(data, 4096) == b"\xaa" * 4096
    ram.write(data, pattern)
    assert transfer(driver, BLK_T_OUT, 8, len(pattern)) == BLK_S_OK
    assert transfer(driver, BLK_T_FLUSH, 0, 0) == BLK_S_OK
    ram.zero(data, len(pattern))
    began = clock.now_ns()
    for _ in range(100):
        assert transfer(driver, BLK_T_IN, 8, len(pattern)) == BLK_S_OK
    assert ram.read(data, len(pattern)) == pattern
    say(core, f"8 KiB read by a sleeping core {(clock.now_ns() - began) / 100_000:.0f} us\n")
    power_off(core, SUCCESS)


def entropy(core: int) -> None:
    """Two requests give different bytes."""
    enable_apic(core)
    driver = Driver(find(TYPE_RNG), PCI_WINDOW_BASE, RINGS)
    driver.start(vector=0)
    driver.use_msix(0, 0, VECTOR)
    seen = set()
    for _ in range(2):
        driver.post(0, [], [(BUFFERS, 64)])
        assert driver.wait(0, sleeper(core)) == 64
        seen.add(ram.read(BUFFERS, 64))
    assert len(seen) == 2
    power_off(core, SUCCESS)


class Console:
    """A driver of the multiport console that knows its ports by name."""

    def __init__(self, core: int) -> None:
        enable_apic(core)
        self.turn = sleeper(core)
        self.driver = Driver(find(TYPE_CONSOLE), PCI_WINDOW_BASE, RINGS)
        self.driver.map_bars()
        queues = self.driver.common("num_queues")
        self.driver.start(F_VERSION_1 | CONSOLE_F_MULTIPORT, queues, vector=0)
        self.driver.use_msix(0, 0, VECTOR)
        self.ports: dict[str, int] = {}
        self.open: dict[int, bool] = {}
        self.sizes: list[bytes] = []
        self.on_size: Callable[[bytes], None] = self.sizes.append
        self.driver.post(CONSOLE_CONTROL_RX, [], [(self._buffer(CONSOLE_CONTROL_RX), 256)])
        self.control(0, CONSOLE_DEVICE_READY, 1)

    def _buffer(self, queue: int) -> int:
        return BUFFERS + 0x10000 * queue

    def control(self, port: int, event: int, value: int) -> None:
        """Send a control message."""
        at = self._buffer(CONSOLE_CONTROL_TX)
        ram.write(at, bytes(ConsoleControl(port, event, value)))
        self.driver.post(CONSOLE_CONTROL_TX, [(at, ConsoleControl.SIZE)], [])
        self.driver.wait(CONSOLE_CONTROL_TX, self.turn)

    def listen(self) -> None:
        """Take control messages that came; sleep if none did."""
        size = self.driver.done(CONSOLE_CONTROL_RX)
        if size is None:
            self.turn()
            return
        at = self._buffer(CONSOLE_CONTROL_RX)
        data = ram.read(at, size)
        self.driver.post(CONSOLE_CONTROL_RX, [], [(at, 256)])
        message = ConsoleControl.from_buffer_copy(data)
        if message.event == CONSOLE_PORT_ADD:
            self.control(message.id, CONSOLE_PORT_READY, 1)
        elif message.event == CONSOLE_PORT_NAME:
            self.ports[data[ConsoleControl.SIZE :].decode()] = message.id
        elif message.event == CONSOLE_PORT_OPEN:
            self.open[message.id] = bool(message.value)
        elif message.event == CONSOLE_RESIZE:
            self.on_size(data[ConsoleControl.SIZE :])

    def port(self, name: str) -> int:
        """Wait until a port is known and open."""
        while name not in self.ports or not self.open.get(self.ports[name]):
            self.listen()
        return self.ports[name]

    def write(self, name: str, data: bytes) -> None:
        """Write to a port and wait until the host has it."""
        self.post_write(name, data)
        self.driver.wait(console_tx_queue(self.ports[name]), self.turn)

    def post_write(self, name: str, data: bytes) -> None:
        """Write to a port without waiting."""
        queue = console_tx_queue(self.port(name))
        ram.write(self._buffer(queue), data)
        self.driver.post(queue, [(self._buffer(queue), len(data))], [])

    def read(self, name: str) -> bytes:
        """Read from a port; empty when its other end is closed."""
        queue = console_rx_queue(self.port(name))
        self.driver.post(queue, [], [(self._buffer(queue), 1024)])
        while (size := self.driver.done(queue)) is None:
            if not self.open[self.ports[name]]:
                return b""
            self.listen()
        return ram.read(self._buffer(queue), size)


def streams(core: int) -> None:
    """Copy port stdin to stdout in upper case, count on stderr, until end of input."""
    console = Console(core)
    total = 0
    while True:
        data = console.read("stdin")
        if not data:
            break
        total += len(data)
        console.write("stdout", data.upper())
    console.write("stderr", f"{total} bytes\n".encode())
    power_off(core, SUCCESS)


def echo(core: int) -> None:
    """Read the console until ^D and say what was read; the last write is still under way."""
    console = Console(core)
    seen = b""
    while not seen.endswith(b"\x04"):
        seen += console.read("console")
    assert console.sizes, "a console port has a size"
    console.post_write("console", repr(seen).encode() + b"\n")
    power_off(core, SUCCESS)


def keys(core: int) -> None:
    """Says hello on the console, then repeats what is typed and tells each size."""
    console = Console(core)

    def tell_size(size: bytes) -> None:
        cols, rows = size[:2], size[2:]
        numbers = [int.from_bytes(word, "little") for word in (cols, rows)]
        console.write("console", b"%dx%d\n" % tuple(numbers))

    console.write("console", b"hello\n")
    console.on_size = tell_size
    while True:
        console.write("console", b"[" + console.read("console") + b"]")


def lost(core: int) -> None:
    """Fill stdout, then die: the end must not wait for the reader."""
    console = Console(core)
    console.post_write("stdout", b"x" * 65000)
    os.kill(os.getpid(), signal.SIGKILL)


def stuck(core: int) -> None:
    """Write more than a pipe holds to stdout; other ports must still work, and power-off end."""
    console = Console(core)
    console.post_write("stdout", b"x" * 65000)
    console.port("stderr")
    time.sleep(0.1)
    console.post_write("stderr", b"y")
    console.driver.wait(console_tx_queue(console.ports["stderr"]), console.turn)
    power_off(core, SUCCESS)


_STREAM_PORTS: Final = (
    PortConfig("console", is_console=True),
    PortConfig("stdin", input_fd=0),
    PortConfig("stdout", output_fd=1),
    PortConfig("stderr", output_fd=2),
)
_CONSOLE_PORT: Final = (PortConfig("console", 0, 1, is_console=True),)
SCENARIOS: Final = {
    "disk": (disk, ()),
    "entropy": (entropy, ()),
    "streams": (streams, _STREAM_PORTS),
    "echo": (echo, _CONSOLE_PORT),
    "keys": (keys, _CONSOLE_PORT),
    "stuck": (stuck, _STREAM_PORTS),
    "lost": (lost, _STREAM_PORTS),
}


def main() -> int:
    """Run the scenario that the command line names on the images it names."""
    entry, ports = SCENARIOS[sys.argv[1]]
    disks = tuple(DiskConfig(Path(name), private="private" in name) for name in sys.argv[2:])
    try:
        config = MachineConfig(cpus=1, ram_bytes=32 * MIB, disks=disks, ports=ports)
        return Machine(config).run(entry)
    except MachineError as error:
        host.report(f"error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
