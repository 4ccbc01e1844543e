"""Processes: fork, exec, exit, wait, signals."""
