"""Taking and giving in native code: the same as its plain twin, in every state of a cell."""

import ctypes
import random

import pytest

from hw.cpu.handler_compiler import imports_of
from mpkernel.arch.cpu import LOCK_CLASSES, cpu
from mpkernel.arch.spin_code import (
    HEIR_SHIFT,
    WAITERS,
    SpinCell,
    give,
    plain_give,
    plain_take,
    take,
)
from tests.support.kernel import kernel

ME = 1
WORDS = (0, ME, 2, WAITERS, ME | WAITERS, 2 | WAITERS, ME << HEIR_SHIFT | WAITERS)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("native", "plain"), [(take, plain_take), (give, plain_give)])
@pytest.mark.parametrize("key", [0, 1, 0x2_0005, LOCK_CLASSES + 3])
def test_native_code_does_what_its_plain_twin_does(native, plain, word, key):
    chance = random.Random(word * 100 + key)
    with kernel() as k:
        cell, area = SpinCell.at(k.scratch(64)), cpu().area
        outcomes = []
        seed = chance.randrange(1 << 30)
        for function in (native, plain):
            cell.word.store(word)
            cell.since, cell.key, cell.sleepers.value = seed, key, seed
            area.preempt_count = 3
            for stats in area.locks:
                stats.taken = 7
            result = function(ctypes.addressof(cell), cpu().area_at, ME)
            outcomes.append(
                (
                    result,
                    cell.word.value,
                    area.preempt_count,
                    cell.sleepers.value,
                    cell.since != seed,
                    [stats.taken for stats in area.locks],
                )
            )
        assert outcomes[0] == outcomes[1]


def test_a_hold_is_timed_by_class():
    with kernel() as k:
        cell, area = SpinCell.at(k.scratch(64)), cpu().area
        at, here = ctypes.addressof(cell), cpu().area_at
        cell.key = 9
        for _ in range(5):
            assert take(at, here, ME) == 0
            assert give(at, here, ME) == 0
        stats = area.locks[9]
        assert stats.taken == 5
        assert 0 < stats.longest_tsc <= stats.held_tsc <= 5 * stats.longest_tsc


def test_native_code_is_made_anew_when_the_compiler_or_a_primitive_changes():
    seen: set[str] = set()
    waiting = {"mpkernel.arch.spin_code"}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= imports_of(name)[1] - seen
    assert {"hw.cpu.inlining", "hw.cpu.ir", "hw.cpu.primitives", "hw.cpu.memory_primitives"} <= seen
