"""Descriptor slots are handed out by a counter: a slow request's slot is given away (OPEN-3)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20
LEDGER = "OPEN-3"


def setup(k):
    return SimpleNamespace(
        next=k.word(), slots=[k.word(), k.word()], in_flight=[k.word(), k.word()]
    )


def send(k, s, slot, request):
    assert s.in_flight[slot].xchg(request) == 0, "somebody's buffer is overwritten"
    s.in_flight[slot].store(0)


def core0(k, s):
    send(k, s, s.next.add(1) % 2, k.core + 1)


def core0_repaired(k, s):
    slot = 0
    while s.slots[slot].cas(0, 1):
        slot = 1 - slot
        k.relax()
    send(k, s, slot, k.core + 1)
    s.slots[slot].store(0)


core1, core2 = core0, core0
core1_repaired, core2_repaired = core0_repaired, core0_repaired
