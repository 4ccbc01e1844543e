"""Strategies: who goes next at each switch point, one file each behind one protocol."""
