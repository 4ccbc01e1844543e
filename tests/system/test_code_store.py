"""Decoded code of an earlier machine: the same output after the same number of instructions."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from guests import build
from hw.cpu.code_store import VARIABLE
from tests.support.source_tree import ROOT

#: ``mpkernel run``, which says at its end how many instructions ran, how many bytes of blocks were
#: found, and how many there are.
_RUN = """
import functools, sys
from mpkernel.cli import run
from mpkernel.cli.machine import run_machine

def count():
    from hw.cpu import code_cache, code_store
    from hw.cpu.state import CORES
    found, used = code_store.STORE.found.load(), code_cache.HEADER.used.load()
    print(sum(core.instructions for core in CORES), found, used, file=sys.stderr)

run.run_machine = functools.partial(run_machine, at_end=count)
sys.exit(run.run.main(sys.argv[1:], standalone_mode=False))
"""
_SCRIPT = "for i in 1 2 3; do echo $i; done; ls /bin; wc /bin/sh; echo x > /tmp/y; cat /tmp/y"


@dataclass(frozen=True)
class Run:
    output: bytes
    instructions: int
    found: int
    used: int


def start(cpus: int, folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _RUN, "--cpus", str(cpus), str(build.programs() / "sh")]
    return subprocess.Popen(
        [*command, "-c", _SCRIPT], cwd=ROOT, env=os.environ | {VARIABLE: folder},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def end(process: subprocess.Popen[bytes]) -> Run:
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    return Run(output, *map(int, errors.split()))


def run(cpus: int, folder: str) -> Run:
    return end(start(cpus, folder))


@pytest.mark.parametrize("cpus", [1, 4])
def test_a_cold_and_a_warm_store_and_none_give_the_same(tmp_path: Path, cpus: int) -> None:
    without = run(cpus, "")
    assert without.output.startswith(b"1\n2\n3\n")
    assert without.instructions > 100_000
    cold = run(cpus, str(tmp_path))
    warm = run(cpus, str(tmp_path))
    assert (without.found, cold.found) == (0, 0)
    assert warm.found > warm.used // 2
    for other in (cold, warm):
        assert (other.output, other.instructions) == (without.output, without.instructions)


def test_machines_that_share_a_folder_at_once(tmp_path: Path) -> None:
    processes = [start(1, str(tmp_path)) for _ in range(3)]
    first, *others = [end(process) for process in processes]
    for other in others:
        assert (other.output, other.instructions) == (first.output, first.instructions)
    assert all(len(path.name) == 64 for path in tmp_path.iterdir()), "something half written"
    warm = run(1, str(tmp_path))
    assert (warm.output, warm.instructions) == (first.output, first.instructions)
    assert warm.found > warm.used // 2
