"""Balance: tasks move between CPUs at the border to user mode, by being taken from a queue.

Only tasks that are queued and whole in RAM move. One lock at a time: a task off every queue, in
state READY, is nobody's but the taker's.

State: RAM. Locks: RunQueue.lock, never two. Context: the scheduler's loop.
"""

from mpkernel.arch.cpu import cpu
from mpkernel.arch.topology import cpu_count
from mpkernel.sched.idle import IDLE
from mpkernel.sched.run_queue import RUN_QUEUES, RunQueue, dequeue_locked, enqueue_locked
from mpkernel.sched.task import Task


def choose_cpu(affinity: int) -> int:
    """The CPU on which a new task should start: an idle one, else the one with fewest tasks."""
    idle = IDLE.cpus.value & affinity
    if idle:
        return (idle & -idle).bit_length() - 1
    best, fewest = cpu().index, 1 << 32
    for index in range(cpu_count()):
        queue = RUN_QUEUES.of(index)
        load = _load(index)
        if affinity >> index & 1 and queue.is_online and load < fewest:
            best, fewest = index, load
    return best


def pull(*, minimum: int) -> bool:
    """Take a task from the fullest other CPU, if it has ``minimum`` more than this one."""
    me = cpu().index
    mine = _load(me)
    victim, most = -1, mine + minimum - 1
    for index in range(cpu_count()):
        queue = RUN_QUEUES.of(index)
        if index != me and queue.stealable and _load(index) > most:
            victim, most = index, _load(index)
    if victim < 0:
        return False
    task = _take(RUN_QUEUES.of(victim), me)
    if task is None:
        return False
    queue = RUN_QUEUES.of(me)
    with queue.lock.irqsave():
        enqueue_locked(queue, task)
    return True


def _load(index: int) -> int:
    queue = RUN_QUEUES.of(index)
    running = 0 if IDLE.cpus.value >> index & 1 else 1
    length: int = queue.length
    return length + running


def _take(queue: RunQueue, me: int) -> Task | None:
    """Dequeue the first task that may run on CPU ``me`` and make that its home."""
    with queue.lock.irqsave():
        for task in queue.ready.objects(Task, "run_node"):
            if task.affinity >> me & 1 and not task.in_kernel:
                dequeue_locked(queue, task)
                task.cpu = me
                return task
    return None
