"""The board: memory, cores, interrupt controllers, buses, devices. Knows nothing of the kernel."""
