"""Requests wait in a ring."""

import pytest

from hw.cpu.regions.record import REGIONS, REQUESTS, RING_SLOTS, request

pytestmark = pytest.mark.usefixtures("guest")


def test_a_request_says_block_core_and_epoch() -> None:
    request(0x1000, 3, 7)
    slot = REQUESTS[0]
    assert (REGIONS.asked.load(), slot.block, slot.core, slot.epoch) == (1, 0x1000, 3, 7)


def test_the_oldest_requests_are_lost() -> None:
    for number in range(RING_SLOTS + 2):
        request(0x1000 + number, 0, 0)
    assert REGIONS.asked.load() == RING_SLOTS + 2
    assert REQUESTS[1].block == 0x1000 + RING_SLOTS + 1
    assert REQUESTS[2].block == 0x1002
