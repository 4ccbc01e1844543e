"""A whole machine whose schedule is that of a seed."""

import re
import subprocess
from pathlib import Path

import pytest

from hw.cpu import code_store
from tests.support.command import boot

SCRIPT = """\
primes 30 | cat &
ls /bin | cat
wait
ps
sleep 2
cat /proc/uptime
exit 5
"""


def booted(seed: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    done = boot(SCRIPT, "--schedule-seed", str(seed), "--timeout", "60", *arguments)
    assert done.returncode == 5, done.stderr
    return done


def instructions(done: subprocess.CompletedProcess[bytes]) -> str:
    match = re.search(rb"instructions ([\d, ]+),", done.stderr)
    assert match is not None
    return match[1].decode()


def test_the_same_seed_is_the_same_run():
    first, second, other = booted(7), booted(7), booted(8)
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr
    assert instructions(first) == instructions(second)
    assert first.stderr != other.stderr
    assert sum(int(count.replace(",", "")) > 0 for count in instructions(first).split(", ")) > 1


def test_no_decoded_code_comes_from_a_store_or_goes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(code_store.VARIABLE, str(tmp_path / "code"))
    boot("exit 0\n", "--schedule-seed", "1", "--cpus", "1")
    assert not (tmp_path / "code").exists()
    boot("exit 0\n", "--cpus", "1")
    assert list((tmp_path / "code").iterdir())


def test_time_is_virtual():
    uptime = re.search(rb"^(\d+)\.(\d\d) ", booted(1, "--cpus", "2").stdout, re.M)
    assert uptime is not None
    assert 200 <= int(uptime[1] + uptime[2]) <= 210


def test_programs_see_what_they_see_elsewhere():
    script = "primes 40; ls /; cat /proc/1/comm; exit 0\n"
    elsewhere = boot(script, "--cpus", "2")
    here = boot(script, "--cpus", "2", "--schedule-seed", "3")
    assert here.stdout == elsewhere.stdout
    assert here.returncode == elsewhere.returncode == 0


@pytest.mark.long
def test_many_seeds():
    for seed in range(40):
        booted(seed, "--cpus", "4")
