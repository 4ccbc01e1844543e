"""The kernel's mutex under load, on a machine whose time is virtual: the host plays no part.

A stall is the time from the release of a mutex for which tasks wait until one of them has it.
"""

import os
import subprocess
import sys

import pytest

from mpkernel.sched.tick import TICK_NS
from tests.support.source_tree import ROOT

TASKS_A_CPU = 2
CPUS = 4


def hand_around(sections: int, seed: int) -> tuple[int, int, int]:
    """Let tasks take a mutex by turns: sections in all, those after which others waited, stall."""
    script = (
        "for c in 1 2 4 8; do for n in 1 2; do"
        f" taskset $c sh -c 'echo hand:{sections} > /dev/debug' & done; done; wait; cat /dev/debug"
    )
    words = ("-m", "tests.support.provoked_machine", "--seed", str(seed), str(CPUS), script)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=300,
        env={**os.environ, "MPK_WATCH": "turns", "PYTHONHASHSEED": "0"},
    )  # fmt: skip
    counted, waited, stall_ns = map(int, done.stdout.split())
    return counted, waited, stall_ns


@pytest.mark.feature("E3")
@pytest.mark.parametrize(("sections", "seed"), [(10_000, 1), (400, 2)])
def test_a_mutex_given_back_is_taken_within_a_tick(sections: int, seed: int):
    counted, waited, stall_ns = hand_around(sections, seed)
    assert counted == CPUS * TASKS_A_CPU * sections
    assert waited > counted // 2
    assert 0 < stall_ns <= TICK_NS
