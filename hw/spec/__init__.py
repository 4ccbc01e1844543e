"""Formats that hardware and kernel both see, each declared once."""
