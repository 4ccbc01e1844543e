"""The commands of the lock validator."""

from pathlib import Path
from xml.etree import ElementTree

from tests.support.command import mpkernel


def test_selftest_counts_by_group():
    done = mpkernel("lockdep", "selftest")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stdout
    assert lines[-1].split() == ["all", "394/394"]
    assert [line.split()[-1] for line in lines if line.startswith("5 irq")] == ["138/138"]


def test_graph_draws_the_locks_of_a_machine(tmp_path: Path):
    target = tmp_path / "locks.svg"
    done = mpkernel("lockdep", "graph", "--cpus", "2", "--cmdline", "ps", "-o", target)
    assert done.returncode == 0, done.stderr
    texts = {one.text for one in ElementTree.fromstring(target.read_text()).iter()}
    assert {"address_space", "page_cache", "run_queue"} <= texts
