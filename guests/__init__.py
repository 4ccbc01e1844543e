"""Machine code that runs on the machine."""
