"""ext2: the file system of the root disk."""
