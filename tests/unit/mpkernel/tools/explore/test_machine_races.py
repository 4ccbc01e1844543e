"""The race checker over a whole machine: the kernel has none, and one that is put in is found."""

import pytest

from hw.spec.layout import DIRECT_MAP
from hw.spec.memory_map import MAX_RAM
from hw.spec.watch import ATOMIC, WRITE
from mpkernel.tools.explore.machine_races import MachineRaces
from tests.support.command import mpkernel
from tests.support.watched import watched

SCRIPT = "ls / | cat & threads counter 20; wait; mkdir /tmp/a; cat /proc/meminfo /proc/lock_stat"
#: A kernel whose cores count what they pick, in one counter without a lock.
RACY = """
import os, sys
from hw.spec.layout import Layout, layout, u64
from mpkernel.arch import memory
from mpkernel.cli.main import main
from mpkernel.sched import switch

@layout(size=8)
class Picked(Layout):
    count: u64

picked, pick = memory.static(Picked), switch.pick

def counting_pick():
    picked.count += 1
    return pick()

switch.pick = counting_pick
os.dup2(1, 2)
sys.argv = ["mpkernel", "boot", "--cpus", "2", "--schedule-seed", "1", "--racecheck",
            "--cmdline", "true"]
main()
"""


@pytest.mark.parametrize(
    "seeds", [range(1, 2), pytest.param(range(2, 40), marks=pytest.mark.long)], ids=str
)
@pytest.mark.timeout(1800)
def test_the_kernel_has_no_race_in_a_machine_that_works(seeds: range):
    for seed in seeds:
        done = mpkernel("boot", "--cpus", "3", "--schedule-seed", str(seed), "--racecheck",
                        "--cmdline", SCRIPT)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.endswith(b"mpkernel: racecheck reports 0 data races\n"), done.stderr


def test_a_pair_of_lines_is_reported_once_and_devices_and_other_memory_are_not(capsys):
    races = MachineRaces(2)
    for number in range(3):
        for party in (0, 1, 2):
            races.look(party, DIRECT_MAP + 64 + 8 * number, WRITE)
            races.look(party, DIRECT_MAP + MAX_RAM + 8 * number, WRITE)
    assert races.count == 1
    told = capsys.readouterr().err
    assert told.startswith("mpkernel: data race: core 0 writes 0x40, core 1 writes it, and")


def test_atomics_give_order_wherever_they_are(capsys):
    races = MachineRaces(2)
    board = DIRECT_MAP + MAX_RAM
    races.look(0, DIRECT_MAP, WRITE)
    races.look(0, board, ATOMIC | WRITE)
    races.look(1, board, ATOMIC)
    races.look(1, DIRECT_MAP, WRITE)
    assert not races.count


def test_a_counter_without_a_lock_is_found():
    said = watched(RACY, mode="all")
    assert " counting_pick\n    switch.py:" in said
    assert "mpkernel: data race: core " in said
    assert "racecheck reports 0" not in said
