"""Tests that compare the core with the host CPU and with its own plain-Python oracle."""
