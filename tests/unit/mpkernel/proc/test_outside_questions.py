"""A CPU answers what it is asked about its sleepers."""

import pytest

from hw import stacks
from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch import atomics, outside, waits_for
from mpkernel.arch.outside import ASK_KILL, ASK_STACK, ASK_TEST, QUESTIONS
from mpkernel.irq import deferred
from mpkernel.proc import outside_questions
from mpkernel.sched.wait_queue import WaitQueue
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel() as one:
        files = stacks.prepare([0])
        yield one
        stacks.close(files)


@pytest.fixture
def queue(k: Kernel) -> WaitQueue:
    new = WaitQueue.at(k.scratch(WaitQueue.SIZE))
    new.init()
    return new


def ask(action: int, slot: int, sequence: int) -> int:
    """Ask CPU 0, which answers at once."""
    question = QUESTIONS[0]
    question.action, question.slot, question.sequence = action, slot, sequence
    number = question.asked.add(1) + 1
    outside_questions.asked()
    if question.answered.value != number:
        outside_questions.answer(0)
    assert question.answered.value == number
    return question.result


def test_where_a_task_sleeps(k: Kernel, queue: WaitQueue):
    async def dreamer() -> None:
        await queue.wait_until(lambda: False)

    k.spawn(0, dreamer())
    k.run()
    ((slot, sleep),) = waits_for.sleepers(0)
    start = stacks.end(0)
    assert ask(ASK_STACK, slot, sleep.sequence) == 1
    calls = [line.split()[1] for line in stacks.read(0, start).splitlines()]
    assert calls == ["give_up_cpu", "wait_until", "dreamer", "body"]
    assert ask(ASK_STACK, slot, sleep.sequence + 2) == 0, "another sleep"


def test_whether_a_condition_holds(k: Kernel, queue: WaitQueue):
    word = k.scratch(8)

    async def sleeper() -> None:
        await queue.wait_until(lambda: atomics.load64(word))

    k.spawn(0, sleeper())
    k.run()
    ((slot, sleep),) = waits_for.sleepers(0)
    assert ask(ASK_TEST, slot, sleep.sequence) == 0
    atomics.store64(word, 1)
    assert ask(ASK_TEST, slot, sleep.sequence) == 1
    queue.wake_all()
    k.run()
    assert waits_for.sleepers(0) == []


def test_a_condition_that_takes_is_left_to_the_sleeper(k: Kernel, queue: WaitQueue):
    asked = []

    async def taker() -> None:
        await queue.wait_until(lambda: asked.append(1), takes=True)

    async def fails() -> None:
        def look() -> None:
            asked.append(2)
            if len(asked) > 4:
                raise SysError(Errno.ECHILD)

        await queue.wait_until(look)

    k.spawn(0, taker())
    k.spawn(0, fails())
    k.run()
    (first, one), (second, two) = waits_for.sleepers(0)
    before = asked.count(1)
    assert ask(ASK_TEST, first, one.sequence) == 0
    assert asked.count(1) == before
    asked += [3] * 5
    assert ask(ASK_TEST, second, two.sequence) == 1, "it would be told an error"


def test_a_kernel_task_cannot_be_ended(k: Kernel, queue: WaitQueue):
    async def sleeper() -> None:
        await queue.wait_until(lambda: False)

    k.spawn(0, sleeper())
    k.run()
    ((slot, sleep),) = waits_for.sleepers(0)
    assert ask(ASK_KILL, slot, sleep.sequence) == 0


def test_a_knock_alone_asks_nothing(k: Kernel):
    runs = deferred.QUEUES.of(0).runs
    outside_questions.asked()
    assert deferred.QUEUES.of(0).runs == runs
    assert outside.QUESTIONS[0].asked.value == outside.QUESTIONS[0].answered.value
