"""Drivers of virtio devices over PCI."""
