"""The print lock in an interrupt, unwarned: the core finds its own lock taken (FIX-1)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "panic", "random", 20
LEDGER = "FIX-1"


def setup(k):
    return SimpleNamespace(console=k.spinlock("console"))


def core0(k, s):
    with s.console:
        k.safepoint()


def core0_repaired(k, s):
    with s.console.irqsave():
        k.safepoint()


def irq0(k, s):
    with s.console.irqsave():
        pass
