"""``mpkernel run``: streams, arguments, files, environment and status of a program."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from guests import build
from tests.support.command import command, mpkernel, start
from tests.support.source_tree import ROOT


@pytest.fixture(scope="module")
def programs() -> Path:
    return build.programs()


@pytest.mark.feature("G5")
def test_hello(programs: Path):
    done = mpkernel("run", "--cpus", "2", programs / "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Hello, world!\n", b"")


def test_streams_are_binary_clean_and_apart(programs: Path):
    data = os.urandom(200_000) + bytes(range(256))
    done = mpkernel("run", programs / "cat", stdin=data)
    assert done.stdout == data
    assert done.stderr == b""
    assert done.returncode == 0


def test_errors_go_to_standard_error(programs: Path):
    done = mpkernel("run", programs / "cat", "/no/such/file")
    assert done.stdout == b""
    assert b"/no/such/file" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_the_status_is_the_programs(programs: Path, status: int):
    done = mpkernel("run", "--cpus", "1", programs / "sh", "-c", f"exit {status}")
    assert done.returncode == status


@pytest.mark.feature("G4")
def test_arguments_and_environment(programs: Path):
    script = 'for word in "$@"; do echo "[$word]"; done; echo "$COLOUR $PATH"'
    done = mpkernel(
        "run", "--env", "COLOUR=deep blue", programs / "sh", "-c", script, "sh", "", "a b",
        "--cpus",
    )  # fmt: skip
    assert done.stdout == b"[]\n[a b]\n[--cpus]\ndeep blue /bin\n"


@pytest.mark.feature("G4")
def test_the_initial_stack_holds_all_that_the_abi_asks_for(programs: Path):
    done = mpkernel("run", "--env", "A=1", programs / "args", "one")
    lines = done.stdout.decode().splitlines()
    assert {"argc=2", "argv[1]=one", "argv[argc]=null", "stack is aligned"} <= set(lines)
    assert {"envp[0]=PATH=/bin", "envp[1]=HOME=/root", "envp[2]=A=1"} <= set(lines)
    auxiliary = dict(line[5:].split("]=") for line in lines if line.startswith("auxv["))
    assert auxiliary["6"] == "0x1000"  # AT_PAGESZ
    assert auxiliary["25"] == "16 bytes"  # AT_RANDOM
    assert {"3", "4", "5", "9"} <= auxiliary.keys()  # PHDR, PHENT, PHNUM, ENTRY


def test_files_of_the_host_are_there(programs: Path, tmp_path: Path):
    data = os.urandom(30_000)
    (tmp_path / "data").write_bytes(data)
    done = mpkernel(
        "run", "--file", f"{tmp_path / 'data'}:/srv/deep/data",
        "--file", f"{programs / 'wc'}:/bin/count", programs / "sh", "-c",
        "cat /srv/deep/data; count /srv/deep/data >&2",
    )  # fmt: skip
    assert done.stdout == data
    assert b"30000" in done.stderr
    assert done.returncode == 0


@pytest.mark.feature("B10")
def test_a_program_that_a_signal_kills(programs: Path):
    done = mpkernel("run", "--cpus", "2", programs / "crash", "null")
    assert done.returncode == 128 + signal.SIGSEGV
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(programs: Path, number: signal.Signals):
    process = start("run", "--cpus", "1", programs / "sh", "-c", "echo ready; sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert time.monotonic() - began < 5


def test_a_reader_that_leaves_ends_the_writer(programs: Path):
    process = start("run", "--cpus", "1", programs / "primes", "10000000", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"2\n"
    process.stdout.close()
    assert process.wait(timeout=60) != 0
    assert process.stderr is not None
    process.stderr.close()


def test_closed_standard_input(programs: Path):
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *command("run", programs / "cat")],
        cwd=ROOT, capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.feature("G3")
@pytest.mark.parametrize(
    ("offset", "data"),
    [
        (24, b"\xff" * 8),  # the entry point
        (64 + 16, b"\xff" * 8),  # where the first segment goes
        (64 + 32, b"\xff" * 7),  # how long it is in the file
    ],
)
def test_a_hostile_program_is_refused_by_a_kernel_that_lives(
    programs: Path, tmp_path: Path, offset: int, data: bytes
):
    program = bytearray((programs / "true").read_bytes())
    program[offset : offset + len(data)] = data
    (tmp_path / "hostile").write_bytes(program)
    (tmp_path / "hostile").chmod(0o755)
    done = mpkernel(
        "run", "--file", f"{tmp_path / 'hostile'}:/tmp/hostile", programs / "sh", "-c",
        "/tmp/hostile; echo status $?",
    )  # fmt: skip
    assert done.returncode == 0
    assert b"status 0" not in done.stdout
    assert b"status " in done.stdout


@pytest.mark.feature("F1")
def test_copies_spread_over_the_cores_with_equal_output(programs: Path):
    script = "primes 1000 > /tmp/a & primes 1000 > /tmp/b & primes 1000 > /tmp/c & wait; cat /tmp/?"
    one = mpkernel("run", programs / "primes", "1000").stdout
    assert mpkernel("run", "--cpus", "4", programs / "sh", "-c", script).stdout == one * 3
