"""A lock of the interrupt handler is held over one taken with interrupts on: inversion by two."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "validator report", "validator", 10
LEDGER = "OPEN-7"


def setup(k):
    return SimpleNamespace(timers=k.spinlock("timers"), names=k.spinlock("names"))


def core0(k, s):
    with s.timers.irqsave(), s.names:
        pass


def core1(k, s):
    with s.names:
        k.safepoint()


def core1_repaired(k, s):
    with s.names.irqsave():
        pass


def irq0(k, s):
    with s.timers:
        pass
