"""``mpkernel boot``, as a user meets it: consoles, statuses, disks, refusals, all kinds of ends."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from guests import build
from tests.support.command import boot, is_alive, mpkernel, processes_of, queue_names, start

MOTD = b"Welcome to mpkernel."


@pytest.mark.feature("A3", "A9", "G5")
def test_the_commands_of_the_issue_on_eight_cores():
    done = boot("primes 100 | cat; ps; cat /etc/motd; exit 3\n", "--cpus", "8")
    assert done.returncode == 3, done.stderr
    lines = done.stdout.splitlines()
    primes = [n for n in range(2, 100) if all(n % d for d in range(2, n))]
    assert [int(line) for line in lines[: len(primes)]] == primes
    assert any(line.split()[-1:] == [b"init"] for line in lines)
    assert any(line.startswith(MOTD) for line in lines)


@pytest.mark.feature("A2", "A3")
def test_cmdline_is_a_batch_and_its_last_status_is_the_machines():
    done = mpkernel("boot", "--cmdline", "echo one; echo two; sh -c 'exit 7'")
    assert done.stdout == b"one\ntwo\n"
    assert done.returncode == 7


@pytest.mark.feature("A4")
def test_power_off_says_the_status_and_leaves_nothing():
    launcher = start("boot", "--cpus", "4")
    assert launcher.stdin is not None
    launcher.stdin.write(b"echo ready\n")
    launcher.stdin.flush()
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == b"ready\n"
    children = processes_of(launcher.pid)
    assert len(children) == 4 + 2  # the devices, and the compiler of regions
    launcher.communicate(b"exit 42\n", timeout=60)
    assert launcher.returncode == 42
    assert not any(is_alive(pid) for pid in children)
    assert not queue_names()


@pytest.mark.feature("A3")
@pytest.mark.parametrize(
    ("options", "cores"), [([], 4), (["--cpus", "1"], 1), (["--cpus", "3"], 3)]
)
def test_the_number_of_cores(options: list[str], cores: int):
    done = boot("cat /proc/cpuinfo\n", *options)
    assert done.stdout.count(b"processor") == cores, done.stdout + done.stderr


@pytest.mark.feature("A8")
def test_sparse_apic_ids():
    done = boot("cat /proc/cpuinfo\n", "--cpus", "4", "--apic-ids", "0,2,5,9")
    assert done.stdout.count(b"processor") == 4, done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.feature("A3")
def test_ram_is_what_was_asked_for():
    def total(size: str) -> int:
        text = boot("cat /proc/meminfo\n", "--ram", size).stdout.decode()
        return int(text.partition("MemTotal:")[2].split()[0])

    small, large = total("64M"), total("1G")
    assert 48 << 10 < small <= 64 << 10
    assert 900 << 10 < large <= 1 << 20


@pytest.mark.feature("A3")
def test_the_trace_is_written_in_order_of_time_and_only_if_asked_for(tmp_path: Path):
    trace = tmp_path / "trace.txt"
    plain = boot("primes 10\n", "--cpus", "2")
    assert not trace.exists()
    traced = boot("primes 10\n", "--cpus", "2", "--trace", trace)
    assert traced.stdout == plain.stdout == b"2\n3\n5\n7\n"
    pattern = re.compile(r"\[ *(\d+\.\d+)\] (.{14}) (.{20}) \S")
    events = [pattern.match(line) for line in trace.read_text().splitlines()]
    found = [event.groups() for event in events if event is not None]
    assert len(found) == len(events) > 100
    times = [float(at) for at, _, _ in found]
    assert times == sorted(times)
    assert {"core 0", "core 1", "device process"} <= {who.strip() for _, who, _ in found}
    assert {"2 trap", "system call", "11 task runs"} <= {what.strip() for _, _, what in found}


def test_another_program_may_be_process_1():
    assert mpkernel("boot", "--init", "/bin/false").returncode == 1


def test_an_init_that_is_missing_is_named():
    done = mpkernel("boot", "--init", "/bin/nothing")
    assert done.returncode == 2
    assert done.stderr == b"mpkernel: cannot start /bin/nothing: No such file or directory\n"


@pytest.mark.feature("B10")
def test_a_users_fault_ends_only_its_task_and_is_named_in_the_log():
    done = boot("crash null; echo status $?\n", "--cpus", "2")
    assert b"status 139" in done.stdout
    assert b"crash" in done.stdout + done.stderr
    assert done.returncode == 0


def test_end_of_input_ends_the_shell():
    done = boot("echo last words")
    assert done.stdout == b"last words\n"
    assert done.returncode == 0


def test_timeout():
    began = time.monotonic()
    done = mpkernel("boot", "--timeout", "2", "--cmdline", "sleep 60")
    assert done.returncode == 124
    assert time.monotonic() - began < 15
    assert b"2 s" in done.stderr


@pytest.mark.parametrize("victim", [0, 1, 2, 3])
def test_a_killed_process_stops_the_machine_by_name(victim: int):
    launcher = start("boot", "--cpus", "2")
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    launcher.stdin.write(b"echo ready\n")
    launcher.stdin.flush()
    assert launcher.stdout.readline() == b"ready\n"
    children = processes_of(launcher.pid)
    os.kill(children[victim], signal.SIGKILL)
    began = time.monotonic()
    launcher.wait(timeout=30)  # with its input open: the shell's end would be another end
    _, errors = launcher.communicate()
    assert launcher.returncode == 71
    assert time.monotonic() - began < 3
    assert any(name in errors for name in (b"core", b"device process", b"compiler process"))
    assert not any(is_alive(pid) for pid in children)


def test_a_killed_launcher_leaves_nothing():
    launcher = start("boot", "--cpus", "2", "--cmdline", "spin 2 60")
    while len(processes_of(launcher.pid)) < 3:
        time.sleep(0.05)
        assert launcher.poll() is None
    children = processes_of(launcher.pid)
    launcher.kill()
    launcher.communicate(timeout=30)
    end = time.monotonic() + 5
    while any(is_alive(pid) for pid in children):
        assert time.monotonic() < end
        time.sleep(0.05)


# -- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def root_folder(tmp_path: Path) -> Path:
    """A folder that can become a root disk."""
    folder = tmp_path / "root"
    for name in ("bin", "dev", "proc", "tmp", "etc"):
        (folder / name).mkdir(parents=True)
    programs = build.programs()
    for name in ("init", "sh", "cat", "ls"):
        (folder / "bin" / name).write_bytes((programs / name).read_bytes())
        (folder / "bin" / name).chmod(0o755)
    (folder / "etc" / "note").write_text("from the host\n")
    return folder


@pytest.mark.feature("I2", "I4")
@pytest.mark.parametrize("block_size", ["1024", "2048", "4096"])
def test_a_root_disk_from_a_folder(tmp_path: Path, root_folder: Path, block_size: str):
    image = tmp_path / "root.img"
    content = b"".join(b"%07d\n" % number for number in range(40_000))  # beyond one indirect block
    (root_folder / "etc" / "big").write_bytes(content)
    made = mpkernel(
        "mkfs", image, "--size", "16M", "--block-size", block_size, "--from", root_folder
    )
    assert made.returncode == 0, made.stderr
    done = boot("cat /etc/note /etc/big\n", "--cpus", "2", "--root", image)
    assert done.stdout == b"from the host\n" + content
    assert done.returncode == 0


@pytest.mark.feature("A3")
def test_disks_are_vda_vdb_and_so_on(tmp_path: Path):
    for name in ("one", "two"):
        assert mpkernel("mkfs", tmp_path / name, "--size", "1M").returncode == 0
    done = boot("ls /dev\n", "--cpus", "1", "--disk", tmp_path / "one", "--disk", tmp_path / "two")
    disks = [word for word in done.stdout.split() if word.startswith(b"vd")]
    assert disks == [b"vda", b"vdb", b"vdc"]


def test_a_missing_image_is_one_line(tmp_path: Path):
    done = mpkernel("boot", "--root", tmp_path / "nothing")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"nothing" in done.stderr


SUPERBLOCK = 1024
MAGIC = SUPERBLOCK + 56
INCOMPATIBLE_FEATURES = SUPERBLOCK + 96


@pytest.mark.feature("I2")
@pytest.mark.parametrize(
    ("offset", "data"),
    [(MAGIC, b"\0\0"), (INCOMPATIBLE_FEATURES, b"\x40\x01\0\0"), (SUPERBLOCK + 24, b"\xff" * 4)],
    ids=["no ext2", "unknown feature", "corrupt"],
)
def test_a_root_that_cannot_be_used_is_refused_and_untouched(
    tmp_path: Path, offset: int, data: bytes
):
    image = tmp_path / "root.img"
    mpkernel("mkfs", image, "--size", "1M")
    content = bytearray(image.read_bytes())
    content[offset : offset + len(data)] = data
    image.write_bytes(content)
    done = mpkernel("boot", "--root", image)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"root.img" in done.stderr
    assert image.read_bytes() == content
