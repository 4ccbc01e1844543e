"""A task is queued by its waker while its old core still saves its registers: two cores run it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "pct", 300
LEDGER = "E11"


def setup(k):
    return SimpleNamespace(lock=k.spinlock("run_queue"), asleep=k.word(), on_cpu=k.word(1),
                           queued=k.word(), runs_on=k.word(1))  # fmt: skip


def core0(k, s):
    """Leaves the task, which sleeps."""
    s.asleep.store(1)
    leave(k, s)


def leave(k, s):
    s.runs_on.add(-1)  # the registers are saved
    with s.lock:
        s.on_cpu.store(0)
        if not s.asleep.load():
            s.queued.store(1)


def core1(k, s):
    """Wakes it."""
    with s.lock:
        if s.asleep.cas(1, 0) == 1:
            s.queued.store(1)


def core1_repaired(k, s):
    with s.lock:
        if s.asleep.cas(1, 0) == 1 and not s.on_cpu.load():
            s.queued.store(1)


def core2(k, s):
    """Runs what is queued."""
    with s.lock:
        found = s.queued.load()
    if found:
        assert s.runs_on.add(1) == 0, "two cores run one task"
