"""What the watcher sees of a CPU, and how it asks."""

import time

import pytest

from hw.irq.party import MODE_HALTED, MODE_KERNEL, MODE_USER, PARTIES
from mpkernel.arch import outside
from mpkernel.arch.outside import ASK_TEST, QUESTIONS
from mpkernel.arch.vectors import VECTOR_WATCH
from tests.support.board import accepted
from tests.support.kernel import Kernel, kernel


@pytest.fixture
def k():
    with kernel(cpus=2) as one:
        yield one


def test_a_knock_is_an_interrupt(k: Kernel):
    outside.knock(1)
    assert accepted(1) == [VECTOR_WATCH]
    assert accepted(0) == []


def test_a_question_that_nobody_answers(k: Kernel):
    began = time.monotonic()
    assert outside.ask(1, ASK_TEST, 7, 9) is None
    assert time.monotonic() - began < 1
    question = QUESTIONS[1]
    assert (question.action, question.slot, question.sequence) == (ASK_TEST, 7, 9)
    assert accepted(1) == [VECTOR_WATCH]


def test_an_answer(k: Kernel, monkeypatch):
    def answer(index: int) -> None:
        QUESTIONS[index].result = 5
        QUESTIONS[index].answered.store(QUESTIONS[index].asked.value)

    monkeypatch.setattr(outside, "knock", answer)
    assert outside.ask(1, ASK_TEST, 0, 1) == 5


def test_modes(k: Kernel):
    for mode, halted, user in (
        (MODE_KERNEL, False, False),
        (MODE_HALTED, True, False),
        (MODE_USER, False, True),
    ):
        PARTIES[1].mode.store(mode)
        assert (outside.is_halted(1), outside.is_in_user_mode(1)) == (halted, user)
    PARTIES[1].mode.store(MODE_KERNEL)
