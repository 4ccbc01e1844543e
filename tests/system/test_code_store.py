"""Decoded code of an earlier machine: the same output after the same number of instructions."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from guests import build
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


def run(cpus: int, folder: str) -> Run:
    command = [sys.executable, "-c", _RUN, "--cpus", str(cpus), str(build.programs() / "sh")]
    done = subprocess.run(
        [*command, "-c", _SCRIPT], cwd=ROOT, env=os.environ | {"MPK_CODE_STORE": folder},
        capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    return Run(done.stdout, *map(int, done.stderr.split()))


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
