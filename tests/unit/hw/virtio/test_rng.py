"""Entropy requests without a host."""

import pytest

from hw import ram
from hw.spec.memory_map import MIB
from hw.virtio import rng
from hw.virtio.memory import MachineMemory
from hw.virtio.queue import Chain

pytestmark = [pytest.mark.usefixtures("board"), pytest.mark.feature("H6")]


def test_bytes_given_are_bytes_stored():
    chain = Chain(0, (), ((8 * MIB, 3), (9 * MIB, 5)))
    steps = rng.serve(MachineMemory(), chain)
    assert next(steps) == rng.Entropy(8)
    with pytest.raises(StopIteration) as end:
        steps.send(b"abcdefgh")
    assert end.value.value == 8
    assert ram.read(8 * MIB, 3) + ram.read(9 * MIB, 5) == b"abcdefgh"
