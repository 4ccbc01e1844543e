"""Whatever goes wrong in a running machine is named, with stacks; what is right is not."""

import re
import subprocess
import sys

import pytest

from tests.support.source_tree import ROOT

DEADLOCK = 72


def provoke(cpus: int, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run shell commands on a machine that has /dev/debug."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.provoked_machine", *options, str(cpus), script],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def on_each(*words: str) -> str:
    """Each word to /dev/debug, on a CPU of its own."""
    writes = [f"taskset {1 << n:x} sh -c 'echo {w} > /dev/debug' &" for n, w in enumerate(words)]
    return " ".join([*writes, "wait; echo on"])


def findings(text: str) -> list[str]:
    """Kinds of what the watcher said."""
    names = "deadlock|stuck spin|soft lockup|hard lockup|interrupt storm|hung task|lost wakeup"
    return re.findall(rf"^mpkernel: ({names}|interrupts off|preemption off)", text, re.MULTILINE)


def assert_prompt(text: str) -> None:
    """The report came within 100 ms after the circle closed, but for what the host took."""
    found = re.search(r"^mpkernel: deadlock: .*, for ([0-9.]+) s$", text, re.MULTILINE)
    taken = re.search(r"^the host took ([0-9.]+) s of that$", text, re.MULTILINE)
    assert found is not None, text
    assert taken is not None, text
    assert float(found[1]) - float(taken[1]) < 0.1


@pytest.mark.feature("FIX-11")
@pytest.mark.parametrize("members", [2, 3])
def test_a_ring_of_spinning_locks(members: int, machine_findings):
    words = [f"abba:{n}" if members == 2 else f"ring:{n}" for n in range(members)]
    done = provoke(members, on_each(*words))
    assert done.returncode == DEADLOCK, done.stderr
    assert_prompt(done.stderr)
    names = ("north", "east", "south")
    for cpu in range(members):
        wanted = names[(cpu + 1) % members]
        other = (cpu + 1) % members
        assert re.search(
            rf"CPU {cpu} has waited [0-9.]+ s for spinlock {wanted}@0x[0-9a-f]+,"
            rf" which CPU {other} has had for [0-9.]+ s",
            done.stderr,
        ), done.stderr
    stacks = done.stderr.split("CPU 0 stands at", 1)[1]
    assert stacks.count("provoked_machine.py") >= members
    (circle,) = machine_findings()
    assert circle.kind == "circular dependency"
    assert {step.cpu for step in circle.steps} <= set(range(members))
    assert all(any(" Provocations.ring" in call for call in step.stack) for step in circle.steps)
    assert sorted(circle.scene) == sorted(
        [f"has {name}", f"waits for {names[(place + 1) % members]}"]
        for place, name in enumerate(names[:members])
    )


@pytest.mark.parametrize(
    ("word", "where"), [("keep", "at the end of its kernel work"), ("die", "at its end")]
)
def test_a_lock_taken_along_to_user_mode_or_the_grave(word: str, where: str, machine_findings):
    done = provoke(1, f"echo {word}:1 > /dev/debug; echo on")
    assert done.stdout.endswith("on\n"), done.stderr
    (report,) = machine_findings()
    assert report.kind == "lock left held"
    assert report.what == f"east mutex (mutex) is held {where}"


@pytest.mark.feature("FIX-11")
def test_sleeping_locks_and_where_their_waiters_sleep(machine_findings):
    done = provoke(2, on_each("mutexes:0", "mutexes:1"))
    assert done.returncode == DEADLOCK, done.stderr
    assert_prompt(done.stderr)
    assert len(re.findall(r"task \d+ \(echo\) has waited .* for mutex .* mutex@", done.stderr)) == 2
    asleep = re.split(r"task \d+ \(echo\) stands at", done.stderr)[1:]
    assert len(asleep) == 2
    assert all("mpkernel/sched/mutex.py" in one and " mutexes" in one for one in asleep)
    machine_findings()


def test_a_reader_of_a_spinning_lock_is_in_the_ring(machine_findings):
    done = provoke(2, on_each("read_ring:0", "read_ring:1"))
    assert done.returncode == DEADLOCK, done.stderr
    assert_prompt(done.stderr)
    assert re.search(r"CPU 1 .* for rwlock register@.*, which CPU 0 has for reading", done.stderr)
    assert re.search(r"CPU 0 .* for spinlock north@.*, which CPU 1 has had", done.stderr)
    machine_findings()


def test_a_reader_that_gets_on_is_in_nobodys_way(machine_findings):
    done = provoke(2, on_each("read_long:0", "read_long:1"))
    assert done.returncode == 0, done.stderr
    assert findings(done.stderr) == []
    machine_findings()


@pytest.mark.parametrize("word", ["killable", "readers", "memory"])
def test_one_that_a_signal_can_end_is_ended_and_the_machine_goes_on(word: str, machine_findings):
    script = f"echo > /tmp/file; {on_each(f'{word}:0', f'{word}:1')}"
    done = provoke(2, script, "--kill")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("on\n")
    assert findings(done.stderr) == ["deadlock"]
    assert len(re.findall(r"task \d+ \(echo\) is ended, the machine goes on", done.stderr)) == 1
    machine_findings()


def test_kill_9_ends_the_wait_for_a_files_lock_and_sigcont_does_not():
    script = """
        echo > /tmp/file; echo hold > /dev/debug & sleep 0.1
        echo new > /tmp/file & sleep 0.1
        kill -CONT $!; sleep 0.1; ps
        kill -KILL $!; wait $!; echo status $?
        cat /tmp/file; echo free > /dev/debug; wait; echo on
    """
    done = provoke(2, script)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^ +\d+ D +\d ", done.stdout, re.MULTILINE)) == 2, done.stdout
    assert done.stdout.endswith("status 137\n\non\n")
    assert findings(done.stderr) == []


def test_without_such_a_task_the_machine_stops_all_the_same(machine_findings):
    done = provoke(2, on_each("mutexes:0", "mutexes:1"), "--kill")
    assert done.returncode == DEADLOCK
    machine_findings()


def test_an_answer_that_nobody_can_give():
    done = provoke(2, on_each("call:0", "call:1"))
    assert done.returncode == DEADLOCK, done.stderr
    assert re.search(r"CPU 1 .* for function call@.*, which CPU 0 owes it", done.stderr)
    assert re.search(r"CPU 0 .* for spinlock north@.*, which CPU 1 has had", done.stderr)


def test_long_waits_and_answers_given_while_waiting_are_no_deadlock():
    done = provoke(2, f"{on_each('polite:0', 'polite:1')}; {on_each('contend', 'contend')}")
    assert done.returncode == 0, done.stderr
    assert "deadlock" not in done.stderr


@pytest.mark.feature("FIX-11")
def test_a_wait_without_a_circle_that_does_not_end_says_who_has_the_lock():
    done = provoke(2, on_each("leak", "want"))
    assert done.returncode == 0, done.stderr
    assert "stuck spin" in findings(done.stderr)
    said = done.stderr.split("stuck spin: ", 1)[1]
    assert re.match(r"CPU 1 has waited [0-9.]+ s for spinlock north@.*, which CPU 0", said)
    assert "provoked_machine.py" in said


@pytest.mark.feature("E6")
def test_who_has_the_locks_that_others_wait_for():
    holders = on_each("true", "leak", "want").partition("&")[2].replace("wait", "sleep 0.3; locks")
    done = provoke(3, f'taskset 1 sh -c "{holders}; wait"')
    assert done.stdout.endswith("on\n"), done.stderr
    assert re.search(
        r"^CPU 2 has waited [0-9.]+ s for spinlock north@0x[0-9a-f]+,"
        r" which CPU 1 has had for [0-9.]+ s$",
        done.stdout,
        re.MULTILINE,
    ), done.stdout


@pytest.mark.parametrize(
    ("word", "found", "function"),
    [
        ("soft:13", ["soft lockup"], "soft"),
        ("hard:10", ["hard lockup"], "busy"),
        ("storm:12", ["interrupt storm", "soft lockup"], "storm"),
        ("soft:3", [], ""),
        ("hard:2", [], ""),
        ("storm:2", [], ""),
    ],
)
def test_a_cpu_that_does_not_get_on(word: str, found: list[str], function: str):
    done = provoke(2, f"echo {word} > /dev/debug; echo on")
    assert done.stdout == "on\n", done.stderr
    assert set(findings(done.stderr)) <= set(found), done.stderr
    assert set(found[:1]) <= set(findings(done.stderr)), done.stderr
    assert not found or f" {function}\n" in done.stderr


@pytest.mark.feature("FIX-9")
def test_long_sections_without_interrupts_or_preemption_and_where_they_are():
    done = provoke(1, "echo irqs_off:35 > /dev/debug; echo preempt_off:35 > /dev/debug; echo on")
    assert findings(done.stderr) == ["interrupts off", "preemption off"], done.stderr
    first, second = done.stderr.split("preemption off", 1)
    assert " irqs_off\n" in first
    assert " preempt_off\n" in second
    quiet = provoke(1, "echo irqs_off:5 preempt_off:5 > /dev/debug; ls /bin; echo on")
    assert findings(quiet.stderr) == []


def test_a_task_that_sleeps_where_no_signal_wakes_it():
    done = provoke(2, "echo hang > /dev/debug & sleep 2; echo free > /dev/debug; wait; echo on")
    assert done.stdout == "on\n", done.stderr
    assert findings(done.stderr) == ["hung task"], done.stderr
    assert re.search(r"task \d+ .* stands at\n    mpkernel/sched/wait_queue.py", done.stderr)


@pytest.mark.feature("F4")
def test_a_wakeup_that_nobody_sent():
    script = "echo hang > /dev/debug & sleep 0.2; echo forget > /dev/debug; sleep 0.7;"
    done = provoke(2, f"{script} echo free > /dev/debug; wait; echo on")
    assert done.stdout == "on\n", done.stderr
    assert findings(done.stderr) == ["lost wakeup"], done.stderr
    assert "though what it waits for is so" in done.stderr


def test_a_sleep_that_ends_in_time_is_neither_hung_nor_forgotten():
    done = provoke(2, "echo hang > /dev/debug & sleep 0.6; echo free > /dev/debug; wait; echo on")
    assert done.stdout == "on\n", done.stderr
    assert findings(done.stderr) == []


def test_a_machine_that_is_well_is_not_disturbed():
    done = provoke(4, "primes 3000 | wc & spin 4 1 > /dev/null & sleep 1; ps | cat; forktest; wait")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
