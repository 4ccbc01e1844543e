"""Three cores, each with one of scheduler, heap and disk, and waiting for the next (FIX-11)."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "deadlock", "pct", 400
LEDGER = "FIX-11"


def setup(k):
    return SimpleNamespace(
        scheduler=k.spinlock("scheduler"), heap=k.spinlock("heap"), disk=k.spinlock("disk")
    )


def core0(k, s):
    with s.scheduler, s.heap:  # makes a task
        pass


def core1(k, s):
    with s.heap, s.disk:  # writes a dirty page to make room
        pass


def core2(k, s):
    with s.disk, s.scheduler:  # a request is done: wakes who waits for it
        pass


def core2_repaired(k, s):
    with s.disk:
        pass
    with s.scheduler:
        pass
