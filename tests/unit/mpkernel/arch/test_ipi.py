"""Interprocessor interrupts: who gets which vector, and how they are counted."""

import pytest

from mpkernel.arch import interrupts, ipi
from mpkernel.arch.vectors import VECTOR_CALL, VECTOR_RESCHEDULE, VECTOR_STOP, VECTOR_TLB_FLUSH
from tests.support.board import accepted
from tests.support.kernel import kernel


@pytest.mark.parametrize(
    ("send", "vector"),
    [
        (ipi.send_reschedule, VECTOR_RESCHEDULE),
        (ipi.send_tlb_flush, VECTOR_TLB_FLUSH),
        (ipi.send_call, VECTOR_CALL),
    ],
)
def test_the_target_gets_the_vector_once_and_nobody_else(send, vector):
    with kernel(3):
        send(2)
        send(2)  # still waits: stays one interrupt
        assert [accepted(index) for index in range(3)] == [[], [], [vector]]
        counts = list(ipi.COUNTS.of(0).sent)
        assert counts[vector - VECTOR_RESCHEDULE] == 2
        assert sum(counts) == 2


def test_stop_goes_to_all_others():
    with kernel(3) as k:
        k.use(1)
        ipi.send_stop_to_others()
        assert [accepted(index) for index in range(3)] == [[VECTOR_STOP], [], [VECTOR_STOP]]


def test_the_receiver_counts_what_it_takes():
    with kernel(2) as k:
        ipi.send_reschedule(1)
        k.use(1)
        interrupts.safepoint()
        assert list(ipi.COUNTS.of(1).taken) == [1, 0, 0, 0]
        assert list(ipi.COUNTS.of(0).taken) == [0, 0, 0, 0]
