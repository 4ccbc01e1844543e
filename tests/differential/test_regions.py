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


def _is_inside(name: str) -> bool:
    """Whether an encoding's instruction can be part of a region."""
    return not name.startswith(("F", "WAIT", "EMMS")) and "_MM" not in name


def _is_later(name: str) -> bool:
    """Whether an encoding came after SSE2."""
    later = ("CRC32", "MOVBE", "ADCX", "ADOX", "POPCNT", "TZCNT", "LZCNT")
    return name.startswith("VEX") or "XMM" in name or name.startswith(later)


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("seed", range(SEED, SEED + ROUNDS))
@pytest.mark.parametrize("kind", ["all", "later"])
def test_random_programs_in_regions(
    guest: Guest, seed: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_SLOT", 512)
    REGIONS.often = 4
    before = REGIONS.compiled.load()
    rng = random.Random(seed + 1000)
    names = [name for name in sequences.usable() if kind == "all" or _is_inside(name)]
    if kind == "later":
        names += 4 * [name for name in names if _is_later(name)]
    work: comparison.Work = []
    while len(work) < (60 if kind == "all" else 40):
        case = sequences.make(names, rng, host.CODE, rng.randint(3, 20)).case()
        if len(case.code) < 480:
            work.append((case, comparison.states_for(case, 12, rng)))
    lines = comparison.failures(guest, work, oracle=False)
    assert [line for line in lines if "; " in line or not line.endswith("counted")] == []
    assert REGIONS.compiled.load() > before + 0.6 * len(work)


@pytest.mark.usefixtures("regions")
@pytest.mark.parametrize("often", [1, 2])
@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_program_in_regions(guest: Guest, programs: Path, name: str, often: int) -> None:
    count = check_program(guest, programs, name)
    REGIONS.often = often
    before = REGIONS.compiled.load()
    assert check_program(guest, programs, name) == count
    assert REGIONS.compiled.load() > before
