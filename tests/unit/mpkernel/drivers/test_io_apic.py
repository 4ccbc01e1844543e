"""The I/O APIC's driver on the board's I/O APIC."""

import pytest

from hw.irq import io_apic as board
from hw.spec.apic import IO_APIC_LINES
from mpkernel.abi.errno import SysError
from mpkernel.arch import interrupts
from mpkernel.drivers import io_apic
from mpkernel.irq import dispatch
from tests.support.device_kernel import device_kernel

LINE = 12
VECTOR = 0x90


def test_an_edge_reaches_the_cpu_it_is_routed_to_and_a_masked_line_nobody() -> None:
    with device_kernel(cpus=2) as kernel:
        io_apic.init()
        assert io_apic.IO_APIC.lines == IO_APIC_LINES
        for target, expected in ((1, [0, 1]), (0, [1, 1])):
            io_apic.route_edge(LINE, VECTOR, target)
            board.set_line(LINE, 0, high=True)
            board.set_line(LINE, 0, high=False)
            for index in (0, 1):
                kernel.use(index)
                interrupts.safepoint()
            assert [dispatch.taken(index, VECTOR) for index in (0, 1)] == expected
        io_apic.mask(LINE)
        board.set_line(LINE, 0, high=True)
        interrupts.safepoint()
        assert dispatch.taken(0, VECTOR) == 1


def test_a_line_has_one_vector_until_it_is_masked() -> None:
    with device_kernel():
        io_apic.init()
        io_apic.route_edge(LINE, VECTOR, 0)
        with pytest.raises(SysError, match="EBUSY"):
            io_apic.route_edge(LINE, VECTOR + 1, 0)
        io_apic.mask(LINE)
        io_apic.route_edge(LINE, VECTOR + 1, 0)


def test_lines_that_are_not_there_are_refused() -> None:
    with device_kernel():
        io_apic.init()
        with pytest.raises(SysError, match="ENXIO"):
            io_apic.route_edge(IO_APIC_LINES, VECTOR, 0)
