"""Extended-precision floating point by integers: what x87 instructions compute, on every host."""
