"""Configuration space against the registers in Linux's header."""

from hw.spec import pci
from hw.spec.memory_map import ECAM_BASE, ECAM_SIZE
from tests.support import host_headers

HEADER = ["linux/pci_regs.h"]

REGISTERS = {
    "vendor_id": "VENDOR_ID", "device_id": "DEVICE_ID", "command": "COMMAND", "status": "STATUS",
    "revision_id": "REVISION_ID", "prog_if": "CLASS_PROG", "subclass": "CLASS_DEVICE",
    "cache_line_size": "CACHE_LINE_SIZE", "latency_timer": "LATENCY_TIMER",
    "header_type": "HEADER_TYPE", "bist": "BIST", "cardbus_cis": "CARDBUS_CIS",
    **{f"bar{n}": f"BASE_ADDRESS_{n}" for n in range(pci.BAR_COUNT)},
    "subsystem_vendor_id": "SUBSYSTEM_VENDOR_ID", "subsystem_id": "SUBSYSTEM_ID",
    "expansion_rom": "ROM_ADDRESS", "capabilities": "CAPABILITY_LIST",
    "interrupt_line": "INTERRUPT_LINE", "interrupt_pin": "INTERRUPT_PIN", "min_grant": "MIN_GNT",
    "max_latency": "MAX_LAT",
}  # fmt: skip
NUMBERS = {
    "COMMAND_IO": "COMMAND_IO", "COMMAND_MEMORY": "COMMAND_MEMORY",
    "COMMAND_BUS_MASTER": "COMMAND_MASTER", "COMMAND_INTX_DISABLE": "COMMAND_INTX_DISABLE",
    "STATUS_INTX": "STATUS_INTERRUPT", "STATUS_CAPABILITIES": "STATUS_CAP_LIST",
    "BAR_IO": "BASE_ADDRESS_SPACE_IO", "BAR_64BIT": "BASE_ADDRESS_MEM_TYPE_64",
    "BAR_PREFETCHABLE": "BASE_ADDRESS_MEM_PREFETCH", "CAP_ID_VENDOR": "CAP_ID_VNDR",
    "CAP_ID_MSIX": "CAP_ID_MSIX", "MSIX_ENABLE": "MSIX_FLAGS_ENABLE",
    "MSIX_FUNCTION_MASK": "MSIX_FLAGS_MASKALL", "MSIX_SIZE_MASK": "MSIX_FLAGS_QSIZE",
    "MSIX_BIR_MASK": "MSIX_TABLE_BIR",
}  # fmt: skip


def test_registers_stand_where_linux_reads_them():
    theirs = host_headers.named_values(HEADER, [f"PCI_{name}" for name in REGISTERS.values()])
    assert [pci.PciHeader.offset_of(name) for name in REGISTERS] == list(theirs.values())


def test_bits_are_those_of_linux():
    theirs = host_headers.named_values(HEADER, [f"PCI_{name}" for name in NUMBERS.values()])
    assert [getattr(pci, name) for name in NUMBERS] == list(theirs.values())
    mask = "~PCI_BASE_ADDRESS_MEM_MASK"
    assert host_headers.named_values(HEADER, [mask]) == {mask: pci.BAR_FLAGS_MASK}


def test_msix_capability():
    fields = ("control", "table", "pba")
    theirs = host_headers.named_values(HEADER, ["PCI_MSIX_FLAGS", "PCI_MSIX_TABLE", "PCI_MSIX_PBA"])
    assert [pci.MsixCapability.offset_of(name) for name in fields] == list(theirs.values())


def test_functions_fill_the_ecam_window_without_overlap():
    assert pci.ecam_address(0, 0, 0) == ECAM_BASE
    assert pci.ecam_address(0, 0, 1) == ECAM_BASE + pci.CONFIG_SIZE
    assert pci.ecam_address(0, 1, 0) == pci.ecam_address(0, 0, 7) + pci.CONFIG_SIZE
    assert pci.ecam_address(1, 0, 0) == pci.ecam_address(0, 31, 7) + pci.CONFIG_SIZE
    assert pci.ecam_address(255, 31, 7, 0xFFF) == ECAM_BASE + ECAM_SIZE - 1
