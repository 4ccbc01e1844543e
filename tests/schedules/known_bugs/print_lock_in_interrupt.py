"""A task prints with interrupts enabled; an interrupt on its core prints as well (FIX-1)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "validator report", "validator", 20
LEDGER = "FIX-1"


def setup(k):
    return SimpleNamespace(console=k.spinlock("console"), printed=k.word())


def core0(k, s):
    with s.console:
        s.printed.add(1)
        k.safepoint()


def core0_repaired(k, s):
    with s.console.irqsave():
        s.printed.add(1)
        k.safepoint()


def irq0(k, s):
    with s.console.irqsave():
        s.printed.add(1)


def check(k, s):
    assert s.printed.value == 2
