"""The kernel's loads and stores of device registers are its own CPU's."""

from hw.machine_config import MachineConfig
from hw.spec import memory_map as where
from hw.spec.apic import LAPIC_ID
from mpkernel.arch import mmio
from mpkernel.arch.cpu import Cpu, use_cpu
from tests.support.board import powered_board


def test_each_cpu_meets_its_own_local_apic():
    with powered_board(MachineConfig(cpus=3)):
        for index in (2, 1, 0):
            use_cpu(Cpu(index))
            assert mmio.read(where.LOCAL_APIC_BASE + LAPIC_ID, 4) == index << 24


def test_nobody_answers_with_ones():
    with powered_board(MachineConfig(cpus=1)):
        mmio.write(where.PCI_WINDOW_BASE, 4, 0)
        assert mmio.read(where.PCI_WINDOW_BASE, 4) == 0xFFFF_FFFF
