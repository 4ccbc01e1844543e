"""The driver: PCI devices found, matched and driven."""
