"""Locks that never sleep, and their discipline."""
