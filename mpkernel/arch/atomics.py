"""Atomic cells and words, as the kernel sees them: the host's real atomics.    See hw.atomics."""

from hw.atomics import AtomicU32, AtomicU64, and64, cas64, fence, load64, or64, store64, xchg64

__all__ = [
    "AtomicU32",
    "AtomicU64",
    "and64",
    "cas64",
    "fence",
    "load64",
    "or64",
    "store64",
    "xchg64",
]
