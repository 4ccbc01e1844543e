"""What each instruction does, written once in the typed subset; a file a family."""
