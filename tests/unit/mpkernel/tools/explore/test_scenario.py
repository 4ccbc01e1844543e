"""A scenario file is loaded, or refused in one line."""

from pathlib import Path

import pytest

from mpkernel.tools.explore.scenario import BadScenario, load

CORE = "def core0(k, s): return 'first'\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.py"
    path.write_text(text)
    return path


def test_programs_are_found_by_their_names(tmp_path: Path):
    text = CORE + "def irq2(k, s): ...\ndef ipi1(k, s): ...\ndef corex(k, s): ...\n"
    scenario = load(written(tmp_path, text))
    assert list(scenario.cores) == [0]
    assert list(scenario.irqs) == [2]
    assert sorted(scenario.handlers) == [1, 2]
    assert scenario.core_count == 3
    assert scenario.setup(None) is None


def test_more_cores_run_the_first_program(tmp_path: Path):
    scenario = load(written(tmp_path, CORE), cores=4)
    assert [scenario.cores[n](None, None) for n in range(4)] == ["first"] * 4


def test_a_variant_takes_the_place_of_its_namesake(tmp_path: Path):
    path = written(tmp_path, CORE + "def core0_repaired(k, s): return 'second'\n")
    assert load(path).cores[0](None, None) == "first"
    assert load(path, variant="repaired").cores[0](None, None) == "second"
    with pytest.raises(BadScenario, match="no function's name ends in _other"):
        load(path, variant="other")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no core: it defines no function core0"),
        ("def core0(k, s:\n", "scenario.py:1: "),
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        ("def core0(k): ...\n", "core0 must be core0(k, s)"),
        (CORE + "def setup(): ...\n", "setup must be setup(k)"),
        (CORE + "async def irq0(k, s): ...\n", "irq0 is async"),
        ("def core64(k, s): ...\n", "at most 64 cores"),
        ("1/0\n", "ZeroDivisionError"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(BadScenario) as refused:
        load(written(tmp_path, text))
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadScenario, match="No such file"):
        load(tmp_path / "nothing.py")
