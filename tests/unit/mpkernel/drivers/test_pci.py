"""Enumeration, BARs and MSI-X on the board's bus."""

import itertools

from hw.board import FIRST_DISK_SLOT, SLOT_CONSOLE, SLOT_ENTROPY
from hw.machine_config import PortConfig
from hw.spec.memory_map import PCI_WINDOW_BASE, PCI_WINDOW_SIZE
from hw.spec.pci import CAP_ID_MSIX, CAP_ID_VENDOR
from mpkernel.arch import mmio
from mpkernel.drivers import pci
from tests.support.device_kernel import device_kernel


def test_all_functions_are_found_and_placed_apart() -> None:
    with device_kernel(ports=(PortConfig("console", is_console=True),)):
        assert pci.enumerate_bus() == 3
        slots = [function.device for function in pci.functions()]
        assert slots == [0, SLOT_CONSOLE, SLOT_ENTROPY]
        assert FIRST_DISK_SLOT not in slots
        ranges = sorted(
            (function.bar_address[i], function.bar_address[i] + function.bar_size[i])
            for function in pci.functions()
            for i in range(6)
            if function.bar_size[i]
        )
        assert len(ranges) == 4
        assert ranges[0][0] >= PCI_WINDOW_BASE
        assert ranges[-1][1] <= PCI_WINDOW_BASE + PCI_WINDOW_SIZE
        for (_, end), (start, _) in itertools.pairwise(ranges):
            assert end <= start
        assert all(end - start == 0x10000 and not start % 0x10000 for start, end in ranges)


def test_the_list_of_functions() -> None:
    with device_kernel(ports=(PortConfig("console", is_console=True),)):
        pci.enumerate_bus()
        assert [pci.describe(function) for function in pci.functions()] == [
            "00:00.0 Host bridge: 8086:29c0",
            "00:01.0 Communication: 1af4:1043 virtio console",
            "00:02.0 Class ff: 1af4:1044 virtio entropy",
        ]


def test_capabilities_and_a_list_that_loops() -> None:
    with device_kernel():
        pci.enumerate_bus()
        function = pci.functions()[1]
        kinds = [kind for kind, _ in function.capabilities()]
        assert kinds.count(CAP_ID_MSIX) == 1
        assert kinds.count(CAP_ID_VENDOR) >= 4
        from hw.bus.pci_function import FUNCTIONS  # noqa: PLC0415

        last = list(function.capabilities())[-1][1]
        FUNCTIONS[function.device].config[last + 1] = 0x40
        assert len(list(function.capabilities())) == 48


def test_bars_of_all_ones_read_as_nothing_there() -> None:
    with device_kernel():
        pci.enumerate_bus()
        function = pci.functions()[1]
        pci.disable(function)
        assert mmio.read(function.bar_address[0], 4) == 0xFFFF_FFFF
        pci.enable(function)
        assert mmio.read(function.bar_address[0], 4) != 0xFFFF_FFFF
