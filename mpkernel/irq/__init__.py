"""The interrupt arrives: vectors and their handlers."""
