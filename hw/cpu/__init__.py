"""The instruction: decode, semantics, threaded code, MMU, run until an Exit."""
