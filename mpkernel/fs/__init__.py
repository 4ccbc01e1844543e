"""The file: paths, inodes, pipes, and the file systems."""
