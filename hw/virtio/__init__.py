"""The device: virtio 1.2 over PCI with split queues."""
