"""Two cores shoot down each other's TLB and wait with interrupts off: neither answers."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "random", 20


def setup(k):
    return SimpleNamespace(asked=[k.word(), k.word()], done=[k.word(), k.word()])


def serve(k, s):
    if s.asked[k.core].load():
        s.asked[k.core].store(0)
        s.done[k.core].store(1)


ipi0 = ipi1 = serve


def core0(k, s):
    other = 1 - k.core
    k.irqs_off()
    s.asked[other].store(1)
    k.ipi(other)
    while not s.done[other].load():
        k.relax()
    k.irqs_on()


def core0_repaired(k, s):
    other = 1 - k.core
    k.irqs_off()
    s.asked[other].store(1)
    k.ipi(other)
    while not s.done[other].load():
        serve(k, s)
        k.relax()
    k.irqs_on()


core1, core1_repaired = core0, core0_repaired
