"""The page fault: address spaces, page cache, frames, slab."""
