"""The disk's interrupt allocates while the task it interrupted is in the allocator (FIX-6)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "validator report", "validator", 20
LEDGER = "FIX-6"


def setup(k):
    return SimpleNamespace(heap=k.spinlock("heap"), requests=k.spinlock("requests"), free=k.cell(8))


def allocate(k, s):
    with s.heap:
        s.free.value -= 1
        k.safepoint()


def core0(k, s):
    allocate(k, s)


def irq0(k, s):
    with s.requests.irqsave():
        allocate(k, s)


def irq0_repaired(k, s):
    with s.requests.irqsave():  # what it needs was reserved when the request was made
        pass
