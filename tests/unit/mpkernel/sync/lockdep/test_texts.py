"""The validator's files say what was seen."""

from mpkernel.arch.cpu import cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import texts
from mpkernel.sync.lockdep.modes import RECURSIVE, RWLOCK, SPIN
from mpkernel.sync.spinlock import Spinlock
from tests.support.kernel import kernel


def test_classes_and_chains():
    with kernel():
        watch = cpu().lockdep
        assert watch is not None
        watch.acquire(1, ranks.SLAB.id, SPIN)
        watch.irq_enter()
        watch.acquire(2, ranks.LOG.id, RWLOCK | RECURSIVE)
        watch.release(2)
        watch.irq_exit()
        watch.acquire(3, ranks.FRAMES.id, SPIN)
        lines = texts.classes_text().decode().splitlines()
        assert "FD:    1 BD:    0 +... slab (spinlock)" in lines
        assert lines[lines.index("FD:    1 BD:    0 +... slab (spinlock)") + 1] == " -> frames"
        chains = texts.chains_text().decode().split("\n\n")
        assert "context: interrupt\n  log (rwlock) shared recursively" in chains
        assert "context: task\n  slab (spinlock)\n  frames (spinlock)" in chains


def test_statistics_count_what_was_taken():
    with kernel(cpus=2) as k:
        lock = Spinlock.at(k.scratch(Spinlock.SIZE))
        lock.init(ranks.SLAB)
        for index in range(2):
            k.use(index)
            with lock:
                pass
        row = next(line for line in texts.statistics_text().decode().splitlines() if "slab" in line)
        assert row.split()[:2] == ["slab", "0"]
        assert row.split()[4] == "2"
