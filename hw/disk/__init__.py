"""What stands behind the devices: the device process and disk images."""
