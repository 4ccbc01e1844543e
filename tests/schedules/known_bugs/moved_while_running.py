"""A balancer moves a task that it saw queued, and that its core has begun to run meanwhile."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(lock=k.spinlock("run_queue"), queued=k.word(1), running=k.word())


def run(s):
    assert s.running.add(1) == 0, "two cores run one task"


def core0(k, s):
    with s.lock:
        mine = s.queued.xchg(0)
    if mine:
        run(s)


def core1(k, s):
    if s.queued.load():
        with s.lock:
            s.queued.store(0)
        run(s)


def core1_repaired(k, s):
    with s.lock:
        mine = s.queued.xchg(0)
    if mine:
        run(s)
