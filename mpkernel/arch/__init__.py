"""The trap, and the only door to the hardware."""
