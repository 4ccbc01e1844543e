"""An SMP kernel that a person can read in an afternoon."""

__version__ = "0.1.0"
