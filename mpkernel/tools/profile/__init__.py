"""Profiles of a running machine: where each core and the device process spend their time."""
