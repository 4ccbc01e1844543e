"""An SMP kernel that a person can read in an afternoon."""
