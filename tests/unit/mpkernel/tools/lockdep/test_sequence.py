"""Steps are done for real: handlers run as handlers, and who waits for himself is stopped."""

import pytest

from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.tools.lockdep.scenario import parse
from mpkernel.tools.lockdep.sequence import Scratch, Sequence, in_task, interrupt
from tests.support import lockdep
from tests.support.kernel import kernel


def do(text: str) -> None:
    scratch = Scratch()
    in_task(scratch, Sequence(scratch, readers_overtake=True).run(parse(text)))


def test_a_handler_is_a_handler():
    with kernel():
        seen = []
        interrupt(lambda: seen.append((cpu().area.irq_depth, cpu().area.irqs_off)))
        assert seen == [(1, 1)]
        assert not cpu().area.irq_depth


def test_steps_take_and_give_real_locks():
    with kernel(), lockdep.expected() as found:
        do("spin.lock(A); hardirq.enter; spin.lock(B); spin.unlock(B); hardirq.exit")
        assert cpu().area.preempt_count == 1
        do("spin.lock(C)")
    assert found.kinds == []


def test_a_task_that_waits_for_itself_panics():
    with kernel():
        scratch = Scratch()
        queue = scratch.place(WaitQueue)
        queue.init()

        async def body() -> None:
            await queue.wait_until(lambda: False)

        with pytest.raises(KernelPanic, match="waits for itself"):
            in_task(scratch, body())
