"""Who may use a port: the TSS's bitmap against a model."""

import random

import pytest

from hw import ram
from hw.cpu import port_io, segmentation
from hw.cpu.exits import CpuFault
from hw.cpu.port_io import NoPorts
from hw.cpu.vector_core import VectorCore


def test_bitmap(protected: VectorCore) -> None:
    state = protected.state
    rng = random.Random(1)
    closed = [rng.random() < 0.3 for _ in range(256)]
    bits = sum(1 << port for port, shut in enumerate(closed) if shut)
    segmentation.load_tr(protected, 0x40)
    state.tr_limit = 104 + 31
    ram.write(0x5000 + 102, (104).to_bytes(2, "little") + bits.to_bytes(32, "little"))
    state.cpl = 3
    for port in range(250):
        for size in (1, 2, 4):
            beyond = 104 + port // 8 + 1 > state.tr_limit
            if beyond or any(closed[port : port + size]):
                with pytest.raises(CpuFault, match="vector 13"):
                    port_io.check(protected, port, size)
            else:
                port_io.check(protected, port, size)


def test_iopl_opens_all(protected: VectorCore) -> None:
    protected.state.cpl = 3
    protected.state.rflags |= 3 << 12
    port_io.check(protected, 0x1234, 4)


def test_nobody_answers() -> None:
    assert NoPorts().read(0x60, 2) == 0xFFFF
