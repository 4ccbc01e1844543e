"""The tables a kernel finds in RAM."""
