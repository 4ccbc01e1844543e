"""The interrupt leaves: local APIC, I/O APIC, doorbells, timers."""
