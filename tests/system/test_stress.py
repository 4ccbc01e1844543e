"""Programs that run for a while on several cores: nothing is lost, nothing is left over."""

from pathlib import Path

import pytest

from guests import build
from tests.support.command import boot, mpkernel


@pytest.fixture(scope="module")
def programs() -> Path:
    return build.programs()


def free_kib(text: bytes) -> list[int]:
    """What each ``cat /proc/meminfo`` in an output said is free or a slab.

    A slab stays a slab, and how many objects live at once is a matter of chance.
    """
    rows = [line.split() for line in text.splitlines()]
    free, slabs = (
        [int(row[1]) for row in rows if row[:1] == [name]] for name in (b"MemFree:", b"Slab:")
    )
    return [sum(pair) for pair in zip(free, slabs, strict=True)]


@pytest.mark.feature("D9")
def test_processes_that_end_give_all_their_memory_back():
    rounds = "; ".join(["/bin/true; /bin/args > /dev/null; primes 500 | wc > /dev/null"] * 12)
    read = "cat /proc/meminfo"
    done = boot(f"{rounds}; {read}\n{rounds}; {read}\n{rounds}; {read}\n", "--cpus", "2")
    _, second, third = free_kib(done.stdout)
    assert second == third, "three programs, 12 times, cost memory"


@pytest.mark.feature("D7")
@pytest.mark.parametrize("kind", ["replace", "protect", "unmap"])
def test_no_core_uses_a_translation_that_was_taken_away(programs: Path, kind: str):
    done = mpkernel("run", "--cpus", "2", programs / "threads", kind, "300")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.feature("E5")
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_locked_additions_of_two_threads_are_all_there(programs: Path, cpus: int):
    done = mpkernel("run", "--cpus", str(cpus), programs / "threads", "counter", "200000")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.feature("F5")
@pytest.mark.parametrize("cpus", [1, 4])
def test_exit_codes_are_kept_until_they_are_asked_for(programs: Path, cpus: int):
    script = "for i in 1 2 3 4 5 6 7 8; do sh -c 'exit 5' & done; wait; sh -c 'exit 9'; echo $?"
    done = mpkernel("run", "--cpus", str(cpus), programs / "sh", "-c", script)
    assert done.stdout == b"9\n"
    assert mpkernel("run", "--cpus", str(cpus), programs / "forktest").returncode == 0


@pytest.mark.feature("F5")
def test_a_code_is_kept_when_the_child_ended_long_before():
    script = "sh -c 'exit 5' & sleep 1; cat /proc/*/stat; wait $!; echo code $?; cat /proc/*/stat\n"
    done = boot(script, "--cpus", "2")
    before, _, after = done.stdout.partition(b"code 5\n")
    assert after, done.stdout + done.stderr
    dead = [line.split()[0] for line in before.splitlines() if line.split()[2] == b"Z"]
    assert len(dead) == 1
    assert dead[0] not in [line.split()[0] for line in after.splitlines()]


def forks(rounds: int, cpus: int) -> None:
    """Fork, end and wait 100 times a round: memory stays."""
    round_ = "forktest 100"
    script = f"{round_}; {round_}; cat /proc/meminfo\n" + f"{round_}\n" * rounds
    done = boot(script + "cat /proc/meminfo; cat /proc/*/stat\n", "--cpus", str(cpus))
    assert done.stdout.count(b"100 children, memory private, statuses right") == rounds + 2
    first, last = free_kib(done.stdout)
    assert first == last
    assert b" Z " not in done.stdout


@pytest.mark.feature("F5")
def test_three_hundred_forks_leave_nothing():
    forks(3, 4)


@pytest.mark.long
@pytest.mark.feature("F5")
@pytest.mark.timeout(120)
def test_ten_thousand_forks_leave_nothing():
    forks(100, 4)


@pytest.mark.feature("F1")
def test_more_busy_processes_than_cores_all_make_progress(programs: Path):
    done = mpkernel("run", "--cpus", "2", programs / "spin", "6", "2")
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    loops = [int(words[2]) for words in lines if words[0] == "process"]
    assert len(loops) == 6
    assert min(loops) > 0


@pytest.mark.feature("F1")
def test_sixteen_busy_processes_are_four_a_core():
    look = "cat /proc/*/stat; echo looked"
    looks = "; ".join(f"sleep 1; {look}" for _ in range(5))
    done = boot(f"spin 16 7 > /dev/null & sleep 1; {looks}\nexit 0\n", "--cpus", "4")
    spreads = []
    for text in done.stdout.decode().split("looked\n")[:-1]:
        rows = [line.split() for line in text.splitlines()]
        busy = [int(row[38]) for row in rows if row[1] == "(spin)" and row[2] == "R"]
        spreads.append([busy.count(core) for core in range(4)])
    assert len(spreads) == 5, done.stdout + done.stderr
    even = [all(3 <= count <= 5 for count in spread) for spread in spreads]
    assert any(even), f"with a host that does other work it takes time, but not for ever: {spreads}"


@pytest.mark.feature("F2")
@pytest.mark.parametrize("cpus", [1, 2, 8])
def test_a_byte_to_and_fro_takes_less_than_a_tick(programs: Path, cpus: int):
    done = mpkernel("run", "--cpus", str(cpus), programs / "pingpong", "500")
    each = float(done.stdout.split()[-3])
    assert each < 10_000, "a wake that waits for the tick takes 10 ms"


@pytest.mark.long
@pytest.mark.feature("D9")
def test_a_thousand_programs_give_all_their_memory_back():
    rounds = "; ".join(["/bin/true"] * 100)
    lines = "".join(f"{rounds}\n" for _ in range(10))
    done = boot(f"{rounds}\ncat /proc/meminfo\n{lines}cat /proc/meminfo\n", "--cpus", "4")
    first, last = free_kib(done.stdout)
    assert first == last
