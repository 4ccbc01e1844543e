"""System calls: thin, read like man pages."""
