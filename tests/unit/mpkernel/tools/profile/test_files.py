"""Names of the files, and the lines for the terminal."""

import json
from pathlib import Path

import pytest

from mpkernel.tools.profile import files
from mpkernel.tools.profile.samples import Samples


@pytest.mark.parametrize("given", ["out", "out.svg", "out.json"])
def test_both_files_are_written_beside_each_other(tmp_path: Path, given: str):
    samples = Samples(10)
    samples.add("core 0", ["a (mpkernel/mm/a.py) 15", "b (mpkernel/fs/b.py) 5"])
    files.write_profile(samples, tmp_path / given)
    assert (tmp_path / "out.svg").read_text().startswith("<svg")
    assert json.loads((tmp_path / "out.speedscope.json").read_text())["exporter"] == "mpkernel"
    assert [line.split() for line in files.summary(samples)] == [
        ["core", "0", "2.00", "s", "mm", "75", "%,", "fs", "25", "%"]
    ]


def test_a_dot_in_a_name_is_part_of_it(tmp_path: Path):
    assert files.names_of(tmp_path / "v1.2")[0].name == "v1.2.svg"
