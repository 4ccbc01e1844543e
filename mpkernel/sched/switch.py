"""The switch: a CPU's outermost loop, which picks a task, runs it, and leaves it.

    pick -> resume its coroutine, if it was asleep in the kernel
         -> user mode -> trap -> a coroutine -> done: user mode again
                                             -> asleep: leave
         -> its turn is over at the border to user mode: leave

``leave`` is the other half of ``wakeup.wake``: under the run queue's lock it finds out whether the
task was woken between going to sleep and here.

State: RAM; coroutines hang off Cpu. Locks: RunQueue.lock. Context: the CPU's own loop.
"""

import ctypes
from typing import NoReturn

from mpkernel.arch import context, interrupts, trap
from mpkernel.arch.cpu import cpu
from mpkernel.arch.trap import KernelStack
from mpkernel.panic import panic
from mpkernel.sched import balance, tick
from mpkernel.sched.exit_request import TaskExit
from mpkernel.sched.idle import idle, wake_idle_cpu
from mpkernel.sched.run_queue import (
    RUN_QUEUES,
    dequeue_locked,
    enqueue_locked,
    first_locked,
)
from mpkernel.sched.task import (
    TASK_DEAD,
    TASK_READY,
    TASK_RUNNING,
    Task,
    name_of,
)
from mpkernel.sched.task_end import TASK_END
from mpkernel.sched.wakeup import kick
from mpkernel.sync import rcu
from mpkernel.trace import events


def run_cpu() -> NoReturn:
    """Run tasks on this CPU for ever."""
    while True:
        interrupts.safepoint()
        rcu.quiescent()
        task = pick()
        if task is None and balance.pull(minimum=1):
            task = pick()
        if task is None:
            idle()
        else:
            _run(task)


def pick() -> Task | None:
    """Take the task whose turn it is off the queue and make it RUNNING."""
    this = cpu()
    queue = RUN_QUEUES.of(this.index)
    if not queue.length:
        return None
    with queue.lock.irqsave():
        task = first_locked(queue)
        if task is None:
            return None
        dequeue_locked(queue, task)
        task.state = TASK_RUNNING
        task.on_cpu = 1
    return task


def _run(task: Task) -> None:
    """Run the task until it sleeps, ends or its turn is over."""
    this = cpu()
    area = this.area
    area.current = task.phys
    area.need_resched = 0
    task.switches += 1
    tick.start_tick()
    tick.new_turn(task)
    context.load(ctypes.addressof(task.context))
    events.record(events.TASK_RUNS, task.tid, context.instruction_pointer())
    stack = this.coroutines.pop(task.phys, None)
    runs_on = step(task, stack) if stack is not None else True
    while runs_on:
        runs_on = _user_turn(task)
    area.current = 0


def _user_turn(task: Task) -> bool:
    """Once to user mode and back; False when the task has left the CPU."""
    area = cpu().area
    interrupts.safepoint()
    if task.signal_pending and not step(task, trap.TRAP_HANDLERS.get().return_to_user()):
        return False
    if not task.affinity >> cpu().index & 1:
        _move_away(task)
        return False
    if area.need_resched:
        area.need_resched = 0
        rcu.quiescent()
        if not task.slice_ns:  # at the end of turns only: wakeups come more often
            balance.pull(minimum=2)
        if tick.others_wait():
            _leave(task)
            return False
        tick.new_turn(task)
    stack = trap.handle(trap.enter_user(task.address_space))
    return stack is None or step(task, stack)


def step(task: Task, stack: KernelStack) -> bool:
    """Run a kernel coroutine until it is done (True), or the task sleeps or ends (False)."""
    this = cpu()
    watch = this.lockdep
    task.in_kernel = 1
    if watch is not None:
        watch.task_enter(task.phys)
    try:
        stack.send(None)
    except StopIteration:
        if watch is not None:
            watch.task_leave(task.phys, "at the end of its kernel work")
        task.in_kernel = 0
        return True
    except TaskExit:
        if watch is not None:
            watch.task_leave(task.phys, "at its end")
        _end(task)
        return False
    if watch is not None:
        watch.task_leave(task.phys)
    if this.area.preempt_count or this.area.irqs_off:
        panic(f"{name_of(task)} sleeps with spinlocks held or interrupts off")
    this.coroutines[task.phys] = stack
    _leave(task)
    return False


def _leave(task: Task) -> None:
    """The task gives up the CPU: asleep, or ready again (its turn is over, or it was woken)."""
    this = cpu()
    context.save(ctypes.addressof(task.context))
    queue = RUN_QUEUES.of(this.index)
    offer = 0
    with queue.lock.irqsave():
        this.area.current = 0
        task.on_cpu = 0
        if task.state == TASK_RUNNING:
            task.state = TASK_READY
        if task.state == TASK_READY:
            enqueue_locked(queue, task)
            offer = 0 if task.in_kernel else task.affinity
    if offer:
        wake_idle_cpu(offer & ~(1 << this.index))


def _move_away(task: Task) -> None:
    """The task, at the border to user mode, may not run on this CPU: queue it on another."""
    this = cpu()
    target = balance.choose_cpu(task.affinity)
    context.save(ctypes.addressof(task.context))
    with RUN_QUEUES.of(this.index).lock.irqsave():
        this.area.current = 0
        task.on_cpu = 0
        task.state = TASK_READY  # on no queue: nobody's but ours until it is queued
        task.cpu = target
    queue = RUN_QUEUES.of(target)
    with queue.lock.irqsave():
        enqueue_locked(queue, task)
    kick(target)


def _end(task: Task) -> None:
    """The task will not run again: nothing of it is left on this CPU."""
    this = cpu()
    queue = RUN_QUEUES.of(this.index)
    with queue.lock.irqsave():
        this.area.current = 0
        task.on_cpu = 0
        task.in_kernel = 0
        task.state = TASK_DEAD
    TASK_END.get()(task)
