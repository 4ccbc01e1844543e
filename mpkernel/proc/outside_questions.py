"""A CPU answers what a watcher outside asks about the tasks asleep on it (arch.outside).

Stacks are told in the interrupt itself: that needs no lock, and is possible also while this CPU
spins. What may take locks is left to deferred work.

State: the ledger; Cpu.conditions and Cpu.coroutines are private.
Locks: those of the condition, or Process.lock. Context: interrupt; deferred work.
"""

from typing import Any, Final

from hw.spec.layout import Layout, layout
from mpkernel.abi.errno import SysError
from mpkernel.abi.signal import Signal
from mpkernel.arch import outside, waits_for
from mpkernel.arch.cpu import cpu
from mpkernel.arch.outside import ASK_KILL, ASK_STACK, ASK_TEST
from mpkernel.arch.percpu import PerCpu
from mpkernel.irq.deferred import WORK_WATCH, DeferredWork
from mpkernel.proc.signal import send_task
from mpkernel.sched.task import Task, is_asleep


@layout()
class Answering(Layout):
    """The work of answering."""

    work: DeferredWork


ANSWERING: Final = PerCpu(Answering)


def asked() -> None:
    """The handler of VECTOR_WATCH: a knock, or a question."""
    index = cpu().index
    question = outside.QUESTIONS[index]
    if question.asked.value == question.answered.value:
        return
    if question.action == ASK_STACK:
        sleep = _sleep_asked_for()
        _answer(int(sleep is not None and _tell_stack(sleep.task)))
        return
    work = ANSWERING.of(index).work
    if not work.kind:
        work.init(WORK_WATCH, 0)
    work.schedule()


def answer(_argument: int) -> None:
    """Deferred work: answer a question that may take locks."""
    question = outside.QUESTIONS[cpu().index]
    sleep = _sleep_asked_for()
    result = False
    if sleep is not None and question.action == ASK_TEST:
        result = _test(question.slot)
    elif sleep is not None and question.action == ASK_KILL:
        result = _kill(Task.at(sleep.task))
    _answer(int(result))


def _answer(result: int) -> None:
    question = outside.QUESTIONS[cpu().index]
    question.result = result
    question.answered.store(question.asked.value)


def _sleep_asked_for() -> waits_for.Sleep | None:
    """The sleep that the question is about, None if it is over."""
    question = outside.QUESTIONS[cpu().index]
    record = waits_for.record(cpu().index, question.slot)
    return record if record.sequence == question.sequence else None


def _test(slot: int) -> bool:
    """Whether a sleeper's condition holds; False if only the sleeper may test it."""
    condition = cpu().conditions.get(slot)
    if condition is None:
        return False
    try:
        return bool(condition())
    except SysError:
        return True  # it would be told an error


def _kill(task: Task) -> bool:
    """End a task's process; whether that ended its sleep."""
    if task.process:
        send_task(task, Signal.SIGKILL)
    return not is_asleep(task)


def _tell_stack(task: int) -> bool:
    stack = cpu().coroutines.get(task)
    if stack is None:
        return False
    outside.write_stack(cpu().index, list(reversed(calls_of(stack))))
    return True


def calls_of(stack: Any) -> list[tuple[str, int, str]]:
    """File, line and function of each call of a suspended coroutine, outermost first."""
    calls = []
    here = stack
    while here is not None:
        frame = getattr(here, "cr_frame", None) or getattr(here, "gi_frame", None)
        if frame is None:
            break
        code = frame.f_code
        calls.append((code.co_filename, frame.f_lineno, code.co_name))
        here = getattr(here, "cr_await", None) or getattr(here, "gi_yieldfrom", None)
    return calls
