"""The lock validator on whole machines: it stays quiet, and has seen every lock there is."""

from pathlib import Path

import pytest

from mpkernel.sync import ranks
from tests.support.command import mpkernel

#: Files, directories, pipes, processes, threads, a killed child.
WORK = """
mkdir /tmp/a; echo x > /tmp/a/b; rm -r /tmp/a
ls -l /bin | wc; ps; threads counter 50; (echo a; echo b) | cat; sleep 9 & kill $!
"""
#: Locks that this work does not need: futexes are musl's, the kernel has no rt-mutex of its own.
NOT_HERE = {"futex", "priority"}


@pytest.mark.feature("E10", "FIX-11")
def test_the_graph_has_every_lock_and_no_circle(tmp_path: Path, machine_findings):
    target = tmp_path / "locks.dot"
    done = mpkernel("lockdep", "graph", "--cpus", "4", "--dot", "-o", target, "--cmdline", WORK)
    text = target.read_text()
    assert done.stdout.count(b"\n") > 5, done.stderr
    assert machine_findings() == []
    assert "red" not in text
    missing = {one.name for one in ranks.CLASSES if f'"{one.name}" [label' not in text}
    assert missing <= NOT_HERE


def test_its_files_show_the_running_kernel():
    done = mpkernel("boot", "--cmdline", "cat /proc/lockdep /proc/lockdep_chains /proc/lock_stat")
    text = done.stdout.decode()
    assert "address_space (mutex)\n -> " in text
    assert "context: interrupt\n  " in text
    assert any(
        line.startswith("run_queue ") and line.split()[4] != "0" for line in text.split("\n")
    )


def test_off_it_notes_nothing():
    done = mpkernel("boot", "--lockdep", "off", "--cmdline", "cat /proc/lockdep")
    assert done.stdout.decode().splitlines()[0] == "0 KiB of notes, 0 reports"
    assert len(done.stdout.splitlines()) == 2
