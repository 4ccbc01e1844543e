"""What user programs see: the numbers and structures of Linux on x86-64."""
