"""Two cores take two locks in opposite order."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "validator report", "validator", 2


def setup(k):
    return SimpleNamespace(heap=k.spinlock("heap"), disk=k.spinlock("disk"))


def core0(k, s):
    with s.heap, s.disk:
        pass


def core1(k, s):
    with s.disk, s.heap:
        pass


def core1_repaired(k, s):
    with s.heap, s.disk:
        pass
