"""First core, other cores, command line: all wiring is here."""
