"""The lock validator: every deadlock named before it happens."""
