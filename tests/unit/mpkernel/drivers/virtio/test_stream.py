"""Streams: ports as character devices, bytes as they are."""

import os

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.drivers.virtio.stream import PortStream
from tests.unit.mpkernel.drivers.virtio.conftest import Rig


def test_a_stream_is_copied_to_its_end(rig: Rig) -> None:
    async def copy() -> int:
        source, target, total = PortStream("stdin"), PortStream("stdout"), 0
        while data := await source.read(3000):
            total += await target.write(data)
        return total

    sent = os.urandom(50_000)
    os.write(rig.stdin, sent)
    rig.close(rig.stdin)
    # no more than what the pipe to the host takes, so that nobody waits for this test to read
    assert rig.kernel.call(copy()) == len(sent)
    assert rig.read_host(rig.stdout, len(sent)) == sent


def test_streams_are_no_terminals(rig: Rig) -> None:
    with pytest.raises(SysError, match="ENOTTY"):
        rig.kernel.call(PortStream("stdin").ioctl(0x5401, 0))


def test_ready_means_that_nothing_would_sleep(rig: Rig) -> None:
    stdin, stdout = PortStream("stdin"), PortStream("stdout")
    assert not stdin.is_readable()
    assert stdout.is_writable()
    os.write(rig.stdin, b"x")
    rig.kernel.settle()
    assert stdin.is_readable()
    rig.kernel.spawn(0, stdout.write(os.urandom(200_000)))
    rig.kernel.settle()
    assert not stdout.is_writable()
    rig.read_host(rig.stdout, 200_000)
    rig.kernel.settle()
    assert stdout.is_writable()
    assert rig.kernel.call(stdin.read(9)) == b"x"
    rig.close(rig.stdin)
    rig.kernel.settle()
    assert stdin.is_readable(), "the end is there to be read"


def test_a_stream_without_a_port_is_enxio(rig: Rig) -> None:
    with pytest.raises(SysError, match="ENXIO"):
        rig.kernel.call(PortStream("stderr").write(b"x"))
