"""The driver asks whether the used index is greater than its own: not so at the wrap (OPEN-2)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 1
LEDGER = "OPEN-2"
FIRST = 0xFFFE


def setup(k):
    return SimpleNamespace(used=k.word(FIRST), seen=k.word())


def core0(k, s):
    """The device completes four requests."""
    for n in range(1, 5):
        s.used.store((FIRST + n) & 0xFFFF)


def drain(s, last, is_behind):
    while is_behind(last, s.used.load()):
        s.seen.add(1)
        last = (last + 1) & 0xFFFF
    return last


def driver(k, s, is_behind):
    last = FIRST
    while s.used.load() != (FIRST + 4) & 0xFFFF:
        last = drain(s, last, is_behind)
        k.relax()
    drain(s, last, is_behind)


def core1(k, s):
    driver(k, s, lambda last, used: last < used)


def core1_repaired(k, s):
    driver(k, s, lambda last, used: last != used)


def check(k, s):
    assert s.seen.value == 4
