"""The control conversation of a multiport console."""

import pytest

from hw.spec.virtio import (
    CONSOLE_CONSOLE_PORT,
    CONSOLE_DEVICE_READY,
    CONSOLE_PORT_ADD,
    CONSOLE_PORT_NAME,
    CONSOLE_PORT_OPEN,
    CONSOLE_PORT_READY,
    CONSOLE_RESIZE,
    ConsoleControl,
    console_rx_queue,
    console_tx_queue,
)
from hw.virtio.console import Control, Port, config, queue_count


def message(port: int, event: int, value: int) -> bytes:
    return bytes(ConsoleControl(port, event, value))


def sent(control: Control) -> list[tuple[int, int, int, bytes]]:
    found = []
    while control.outgoing:
        data = control.outgoing.popleft()
        head = ConsoleControl.from_buffer_copy(data)
        found.append((head.id, head.event, head.value, data[8:]))
    return found


@pytest.fixture
def control() -> Control:
    return Control([Port("console", is_console=True), Port("stdout", is_console=False)], 80, 25)


def test_ports_are_added_then_introduced(control: Control):
    control.receive(message(0, CONSOLE_DEVICE_READY, 1))
    assert sent(control) == [(0, CONSOLE_PORT_ADD, 1, b""), (1, CONSOLE_PORT_ADD, 1, b"")]
    control.receive(message(1, CONSOLE_PORT_READY, 1))
    assert sent(control) == [(1, CONSOLE_PORT_NAME, 1, b"stdout"), (1, CONSOLE_PORT_OPEN, 1, b"")]
    control.receive(message(0, CONSOLE_PORT_READY, 1))
    assert sent(control) == [
        (0, CONSOLE_CONSOLE_PORT, 1, b""),
        (0, CONSOLE_RESIZE, 0, bytes([80, 0, 25, 0])),
        (0, CONSOLE_PORT_NAME, 1, b"console"),
        (0, CONSOLE_PORT_OPEN, 1, b""),
    ]


@pytest.mark.parametrize(
    "data",
    [b"", b"short", message(9, CONSOLE_PORT_READY, 1), message(0, 77, 1),
     message(0, CONSOLE_DEVICE_READY, 0)],
)  # fmt: skip
def test_senseless_message_is_ignored(control: Control, data: bytes):
    control.receive(data)
    assert not control.outgoing


def test_closing_is_told_once_and_to_those_who_come_later(control: Control):
    control.receive(message(1, CONSOLE_PORT_READY, 1))
    sent(control)
    control.close(1)
    control.close(1)
    assert sent(control) == [(1, CONSOLE_PORT_OPEN, 0, b"")]
    control.reset()
    control.receive(message(1, CONSOLE_PORT_READY, 1))
    assert sent(control)[-1] == (1, CONSOLE_PORT_OPEN, 0, b"")


def test_resize_reaches_console_ports_that_are_ready(control: Control):
    control.resize(100, 40)
    assert not control.outgoing
    control.receive(message(0, CONSOLE_PORT_READY, 1))
    assert (0, CONSOLE_RESIZE, 0, bytes([100, 0, 40, 0])) in sent(control)
    control.resize(101, 41)
    assert sent(control) == [(0, CONSOLE_RESIZE, 0, bytes([101, 0, 41, 0]))]


def test_queue_numbers():
    assert [console_rx_queue(port) for port in range(3)] == [0, 4, 6]
    assert [console_tx_queue(port) for port in range(3)] == [1, 5, 7]
    assert [queue_count(ports) for ports in (1, 2, 3)] == [4, 6, 8]
    assert config(3, 80, 25) == bytes([80, 0, 25, 0, 3, 0, 0, 0, 0, 0, 0, 0])
