"""The lock validator's own test, and its graph as a picture."""
