"""A raw lock keeps processes apart."""

import os

import pytest

from hw import ram
from hw.bus.device_work import WORK
from hw.irq.hpet import LOCK
from hw.spec.memory_map import MIB

pytestmark = pytest.mark.usefixtures("board")
COUNTER = 8 * MIB


def test_increments_of_three_processes_are_all_kept():
    words = ram.words(COUNTER, 1)
    pids = []
    for _ in range(3):
        pid = os.fork()
        if not pid:
            for _ in range(2000):
                with LOCK:
                    words[0] += 1
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    assert words[0] == 6000


def test_holder_is_named_and_taking_twice_is_a_bug():
    with LOCK:
        assert LOCK.holder.value == os.getpid()
        with pytest.raises(AssertionError, match="not recursive"), LOCK:
            pass
    assert LOCK.holder.value == 0
    assert WORK.bits.value == 0
