"""Programs about processes, memory and time: what they print, and what they prove on a good kernel.

The host's Linux is the kernel they are tried on here.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

FAULTS = {
    "null": signal.SIGSEGV, "kernel": signal.SIGSEGV, "rodata": signal.SIGSEGV,
    "gp": signal.SIGSEGV, "ud": signal.SIGILL, "div0": signal.SIGFPE, "int3": signal.SIGTRAP,
    "hlt": signal.SIGSEGV, "jump": signal.SIGSEGV, "nx": signal.SIGSEGV, "stack": signal.SIGSEGV,
}  # fmt: skip


def test_hello_true_and_false(run: Run) -> None:
    assert run("hello").stdout == "Hello, world!\n"
    assert run("true").returncode == 0
    assert run("false").returncode == 1


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 100, 5000])
def test_primes_below_a_number(run: Run, limit: int) -> None:
    wanted = [n for n in range(2, limit) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert run("primes", str(limit)).stdout == "".join(f"{n}\n" for n in wanted)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("primes", ()), ("primes", ("x",)), ("primes", ("-5",)), ("primes", ("99999999999999999999",)),
     ("spin", ("0", "1")), ("spin", ("1",)), ("sleep", ()), ("sleep", ("x",)), ("pingpong", ("0",)),
     ("nullcall", ("0",)), ("threads", ("shootdown", "0")),
     ("forktest", ("0",)), ("threads", ("nothing",)), ("kill", ()), ("kill", ("-NOSUCH", "1")),
     ("kill", ("abc",)), ("crash", ()), ("mapfile", ()), ("poweroff", ("256",)),
     ("poweroff", ("1", "2"))],
)  # fmt: skip
def test_wrong_usage_is_status_two_and_one_line(run: Run, name: str, arguments: tuple[str]) -> None:
    done = run(name, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_args_shows_what_execve_gave(run: Run) -> None:
    done = run("args", "one", "", "three 3", env={"A": "1", "B": ""})
    lines = done.stdout.splitlines()
    assert lines[0] == "argc=4"
    assert lines[2:8] == [
        "argv[1]=one", "argv[2]=", "argv[3]=three 3", "argv[argc]=null", "envp[0]=A=1",
        "envp[1]=B=",
    ]  # fmt: skip
    auxiliary = dict(re.findall(r"auxv\[(\d+)\]=(.*)", done.stdout))
    assert auxiliary["6"] == "0x1000"
    assert auxiliary["25"] == "16 bytes"
    assert auxiliary["31"].endswith("/args")
    assert lines[-1] == "stack is aligned"


@pytest.mark.parametrize("kind", FAULTS)
def test_crash_dies_of_the_right_signal(run: Run, kind: str) -> None:
    assert run("crash", kind).returncode == -FAULTS[kind]


def test_crash_knows_just_these_kinds(run: Run) -> None:
    assert run("crash").stderr.split(":")[-1].split() == list(FAULTS)


def test_kill_by_number_name_and_default(run: Run) -> None:
    for option, wanted in (((), 15), (("-9",), 9), (("-HUP",), 1), (("-SIGINT", "--"), 2)):
        victim = subprocess.Popen(["sleep", "30"])
        assert run("kill", *option, str(victim.pid)).returncode == 0
        assert victim.wait(timeout=10) == -wanted
    assert run("kill", "-0", str(os.getpid())).returncode == 0
    assert "15 TERM\n" in run("kill", "-l").stdout


def test_kill_tells_of_a_missing_process(run: Run) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = run("kill", str(gone.pid))
    assert done.returncode == 1
    assert done.stderr == f"kill: {gone.pid}: No such process\n"


def test_ps_shows_number_state_core_and_name(run: Run) -> None:
    sleeper = subprocess.Popen(["sleep", "30"])
    try:
        lines = run("ps").stdout.splitlines()
    finally:
        sleeper.kill()
        sleeper.wait()
    assert lines[0].split() == ["PID", "S", "CPU", "NAME"]
    rows = [line.split(None, 3) for line in lines[1:]]
    numbers = [int(row[0]) for row in rows]
    assert numbers == sorted(numbers)
    mine = next(row for row in rows if row[0] == str(sleeper.pid))
    assert mine[1] in "SRD"
    assert int(mine[2]) < (os.cpu_count() or 1)
    assert mine[3] == "sleep"
    assert any(row[1] == "R" and row[3] == "ps" for row in rows)


def test_uptime_free_and_cpuinfo_agree_with_proc(run: Run) -> None:
    up = float(Path("/proc/uptime").read_text().split()[0])
    shown = re.match(r"up (\d+):(\d\d):(\d\d), idle", run("uptime").stdout)
    assert shown
    seconds = int(shown[1]) * 3600 + int(shown[2]) * 60 + int(shown[3])
    assert 0 <= seconds - int(up) <= 5
    total = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    memory = [int(word) for word in run("free").stdout.splitlines()[1].split()[1:]]
    assert memory[0] == total
    assert memory[1] + memory[2] == total
    info = Path("/proc/cpuinfo").read_text()
    first, *cores = run("cpuinfo").stdout.splitlines()
    count = len(re.findall(r"^processor", info, re.MULTILINE))
    model = re.search(r"^model name\s*: (.*)", info, re.MULTILINE)[1]
    assert first == f"{count} core{'s' if count > 1 else ''}: {model}"
    assert cores == [
        f"core {i}: APIC id {n}"
        for i, n in enumerate(re.findall(r"^apicid\s*: (\d+)", info, re.MULTILINE))
    ]


def test_sleep_takes_its_time(run: Run) -> None:
    start = time.monotonic()
    assert run("sleep", "0.25").returncode == 0
    assert time.monotonic() - start >= 0.25
    assert run("sleep", ".01").returncode == 0


def test_spin_reports_each_process(run: Run) -> None:
    lines = run("spin", "3", "0").stdout.splitlines()
    loops = dict(re.match(r"process (\d): (\d+) loops", line).groups() for line in lines[:3])
    assert set(loops) == {"0", "1", "2"}
    assert all(int(count) > 0 for count in loops.values())
    assert lines[3:] == [f"all: {sum(map(int, loops.values()))} loops"]


def test_pingpong_prints_a_time(run: Run) -> None:
    assert re.fullmatch(r"500 round trips, \d+\.\d us each\n", run("pingpong", "500").stdout)


def test_nullcall_and_shootdown_print_a_time(run: Run) -> None:
    assert re.fullmatch(r"500 calls, \d+\.\d{3} us each\n", run("nullcall", "500").stdout)
    done = run("threads", "shootdown", "50")
    assert re.fullmatch(r"50 pairs, \d+\.\d us each\n", done.stdout)


def test_forktest_passes(run: Run) -> None:
    assert run("forktest", "64").stdout == (
        "forktest: 64 children, memory private, statuses right\n"
    )


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(("counter", "20000"), "counter 40000 of 40000\n"),
     (("replace", "500"), "500 pages replaced, no old one was seen\n"),
     (("protect",), "the other thread's write was caught\n"),
     (("unmap",), "the other thread's read was caught\n")],
)  # fmt: skip
def test_threads_hold_on_a_good_kernel(run: Run, arguments: tuple[str], wanted: str) -> None:
    done = run("threads", *arguments)
    assert (done.stdout, done.returncode) == (wanted, 0)


def test_init_ends_with_the_shells_status(programs: Path, tmp_path: Path) -> None:
    """Under a private root, as /bin/sh must be ours; that takes the right to chroot."""
    try:
        subprocess.run([programs / "true"], preexec_fn=lambda: os.chroot("/"), check=True)
    except subprocess.SubprocessError:
        pytest.skip("needs the right to chroot")
    (tmp_path / "bin").mkdir()
    for name in ("init", "sh", "crash", "args", "sleep"):
        (tmp_path / "bin" / name).write_bytes((programs / name).read_bytes())
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "motd").write_text("not shown, this is no terminal\n")

    def start(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/init", *arguments], input=stdin, capture_output=True, text=True, timeout=20,
            preexec_fn=lambda: os.chroot(tmp_path), cwd="/", env={}, check=False,
        )  # fmt: skip

    assert start(stdin="exit 3\n").returncode == 3
    assert start("-c", "exit 4").returncode == 4
    assert start(stdin="sh -c 'crash ud'\ncrash null\n").returncode == 139
    done = start(stdin="args\n(sleep 0.1 &) ; sleep 0.2\n")
    assert re.findall(r"envp\[\d\]=(.*)", done.stdout) == [
        "PATH=/bin", "HOME=/root", "TERM=linux",
    ]  # fmt: skip
    assert "not shown" not in done.stdout
