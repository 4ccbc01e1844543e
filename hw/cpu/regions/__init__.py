"""Regions: hot blocks compiled together with LLVM, by a process of its own, while the cores run."""
