"""Random programs and whole C programs in regions, against the host CPU.

The compiler runs in this process and at once, so that which runs are in a region is known: random
programs from their fourth run on, whole programs from the first chunk that begins at a block.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.cpu.regions import record
from hw.cpu.regions.compiler import Compiler
from hw.cpu.regions.record import REGIONS
from tests.differential import comparison, host, sequences
from tests.differential.guest import Guest
from tests.differential.test_programs import (
    PROGRAMS,
    ROUNDS,
    SEED,
    check_program,
    programs,
)

__all__ = ["programs"]


@pytest.fixture
def regions(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve each request at once."""
    assert guest.core.index == 0
    compiler = Compiler(loops_only=False)
    ask = record.request

    def request_and_serve(block: int, core: int, epoch: int) -> None:
        ask(block, core, epoch)
        compiler.serve()

    monkeypatch.setattr(record, "request", request_and_serve)
    yield
    REGIONS.often = 0


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
def test_random_programs_in_regions(
    guest: Guest, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_SLOT", 512)
    REGIONS.often = 4
    before = REGIONS.compiled.load()
    rng = random.Random(seed + 1000)
    names = sequences.usable()
    work: comparison.Work = []
    while len(work) < 100:
        case = sequences.make(names, rng, host.CODE, rng.randint(3, 20)).case()
        if len(case.code) < 480:
            work.append((case, comparison.states_for(case, 12, rng)))
    lines = comparison.failures(guest, work, oracle=False)
    assert [line for line in lines if "; " in line or not line.endswith("counted")] == []
    assert REGIONS.compiled.load() > before + 60


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("often", [1, 2])
@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_program_in_regions(guest: Guest, programs: Path, name: str, often: int) -> None:
    count = check_program(guest, programs, name)
    REGIONS.often = often
    before = REGIONS.compiled.load()
    assert check_program(guest, programs, name) == count
    assert REGIONS.compiled.load() > before
