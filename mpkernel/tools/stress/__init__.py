"""Stress: machines that are worked hard and disturbed, and what must hold meanwhile."""
