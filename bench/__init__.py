"""How fast the machine is, measured against its peers."""
