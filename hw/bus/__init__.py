"""How an access finds its device: MMIO map, PCI, MSI-X."""
