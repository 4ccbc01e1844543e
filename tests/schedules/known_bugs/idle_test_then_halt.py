"""Idle tests for work with interrupts on: the interrupt that brings it comes before the halt."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 50


def setup(k):
    return SimpleNamespace(work=k.word(), woken=k.word())


def irq0(k, s):
    s.work.store(1)
    s.woken.store(1)


def halt(k, s):
    """Ends when an interrupt comes that came after its begin."""
    s.woken.store(0)
    while not s.woken.load():
        k.relax()


def core0(k, s):
    if not s.work.load():
        k.safepoint()
        halt(k, s)


def core0_repaired(k, s):
    k.irqs_off()
    if not s.work.load():
        s.woken.store(0)
        k.irqs_on()  # one step with the halt
        while not s.woken.load():
            k.relax()
    else:
        k.irqs_on()
