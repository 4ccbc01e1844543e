"""Two cores pull a task from each other, each with its own queue locked first (E7)."""

from hw.spec.layout import Layout, layout
from mpkernel.sync import ranks
from mpkernel.sync.spinlock import Spinlock

KIND, TOOL, WITHIN = "deadlock", "random", 20
LEDGER = "E7"


@layout()
class Queue(Layout):
    lock: Spinlock


def setup(k):
    queues = [k.place(Queue) for _ in range(2)]
    for queue in queues:
        queue.lock.init(ranks.RUN_QUEUE)
    return queues


def core0(k, queues):
    with queues[k.core].lock.irqsave():
        queues[1 - k.core].lock.acquire(nested=True)
        queues[1 - k.core].lock.release()


def core0_repaired(k, queues):
    with queues[0].lock.irqsave():
        queues[1].lock.acquire(nested=True)
        queues[1].lock.release()


core1, core1_repaired = core0, core0_repaired
