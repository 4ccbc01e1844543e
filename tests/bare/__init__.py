"""Bare kernels: the system state of the core, by the manual and against QEMU."""
