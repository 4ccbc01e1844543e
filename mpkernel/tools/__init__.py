"""Programs that use the machine from outside."""
