"""Events of the kernel in rings of bytes."""
