"""The shell, against the host's sh where both must agree, and alone where POSIX leaves it free."""

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Run = Callable[..., subprocess.CompletedProcess[str]]

HOST_SH = shutil.which("dash")

#: Scripts whose output and status must be the host shell's. The programs are the host's as well.
SCRIPTS = r"""
echo hi | cat | cat; echo $?
X=5; echo "x=$X" '$X' ${X}y \$X "\$X\q"
false && echo no || echo yes
false || true && echo both
for i in 1 2 3; do if test $i = 2; then continue; fi; echo $i; done
for i in a "b c" $(echo d e); do echo "[$i]"; done; echo $i
echo a > o; echo b >> o; cat < o; ls /nonexistent-x 2> e; cat e | wc -l
ls /nonexistent-x > o 2>&1; wc -l < o
(echo sub; exit 3); echo $?
{ echo one; echo two; } | cat
X=1; (X=2; echo $X); echo $X; { X=3; }; echo $X
echo $(echo in $(echo deep)) "q  $(echo 'a  b')"
printf 'a b\nc d\n' > o; while read x y; do echo "[$x][$y]"; done < o
nosuchprogram 2> e; echo $?
sh -c 'exit 7' & wait $!; echo $?
sh -c 'kill -9 $$' 2> e; echo $?
sh -c 'kill -SEGV $$' 2> e; echo $?
touch b.x a.x .c.x; echo *.x "*.x" '*.x' \*.x [ab].x ?.x *.none
mkdir d; touch d/f d/g; echo d/* */f ./*/g
A=1 env | grep '^A='; echo "[$A]"
export B=2; env | grep '^B='; B=3; env | grep '^B='; unset B; env | grep -c '^B='
cd /; pwd; cd /usr/bin; pwd
# a comment; echo no
echo a#b # comment
! true; echo $?; ! false; echo $?
exit 5; echo no
echo "a   b" a   b; E=""; echo [$E] ["$E"]; printf '<%s>' "" '' $E "$E"; echo
X="a  b"; printf '<%s>' $X "$X"; echo
if false; then echo 1; elif true; then echo 2; else echo 3; fi
if false; then echo 1; else echo 3; fi; if false; then echo 1; fi; echo $?
i=x; while test $i != xxx; do i=x$i; echo $i; done
until test -e made; do touch made; echo round; done
for i in 1 2 3; do for j in 1 2; do test $j = 2 && break; test $i = 2 && continue 2; echo $i$j; \
  done; done
true | false | true; echo $?; true | false; echo $?
echo x | (read a; echo "got $a")
echo one \
  two
echo 'multi
line'
cat < /nonexistent-x || echo refused
echo out >&2 2> e; echo $?
echo 3 3> three >&3; cat three
exec_test=1; echo $exec_test$undefined.
sleep 0.05 & sleep 0.01 & wait; echo $?
kill -0 $$; echo $?
echo ~ ~/x "~" a~
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); echo -n "$i "; done
echo $((1 + 2 * 3 - 4 / 2 % 3)) $(((1 + 2) * 3)) "$((-7 / 2)) $((-7 % 3))" $((1 << 40 | 5 ^ 3 & 6))
x=10; y=-3; echo $((x * y)) $(($x - -3)) $((x > 5 && y < 0)) $((!x || y == -3)) $((~x)) $((none))
echo $((0x1f + 010)) $((9223372036854775807 + 1)) $((5 >= 5)) $((5 <= 4)) $((5 != 4)) $((7 >> 1))
echo $( (echo in; echo sub) | cat )
touch f; mkdir d; ln -s f l; for o in -e -f -d -s -h -x -r -p; do for n in f d l absent; do
  test $o $n; echo -n "$?"; done; done
[ a = a ] && echo 1; [ a = b ] || echo 2; [ ! a = b ] && echo 3; [ ! "" ] && echo 4; [ ] || echo 5
[ -n "" ] || echo 1; [ -z "" ] && echo 2; [ x ] && echo 3; test 3 -ge 3 && test -2 -lt 1 && echo 4
[ 10 -eq 010 ]; [ 1 -ne 1 ]; echo $?; [ -n ] && echo one word is a text; [ ! ] && echo so is this
"""


@pytest.fixture
def both(programs: Path, tmp_path: Path) -> Callable[[str], list[tuple[str, int]]]:
    """Run a script under both shells in like, empty folders."""

    def start(script: str) -> list[tuple[str, int]]:
        results = []
        for index, shell in enumerate((str(programs / "sh"), HOST_SH or "")):
            folder = tmp_path / str(index)
            folder.mkdir()
            done = subprocess.run(
                [shell, "-c", script], cwd=folder, capture_output=True, text=True, timeout=20,
                env={"PATH": os.environ["PATH"], "HOME": "/home/x"}, check=False,
            )  # fmt: skip
            results.append((done.stdout, done.returncode))
        return results

    return start


def _scripts() -> Iterator[str]:
    pending = ""
    for line in SCRIPTS.strip().splitlines():
        pending += line
        if line.endswith(("\\", "; do")) or pending.count("'") % 2:
            pending += "\n"
            continue
        yield pending
        pending = ""


@pytest.mark.skipif(HOST_SH is None, reason="needs dash on the host")
@pytest.mark.parametrize("script", list(_scripts()))
def test_it_does_what_the_host_shell_does(
    both: Callable[[str], list[tuple[str, int]]], script: str
) -> None:
    ours, host = both(script)
    assert ours == host


@pytest.mark.parametrize(
    "script",
    ["echo $((1 / 0))", "echo $((1 +))", "echo $((1 2))", "echo $(( (1 ))", "[ a", "[ a -xx b ]",
     "[ -Q a ]", "[ a -eq 1 ]", "[ a b c d e ]", "X=a; echo $((X))"],
)  # fmt: skip
def test_a_wrong_expression_is_one_line(run: Run, script: str) -> None:
    assert run("sh", "-c", script).stderr.count("\n") == 1


def test_a_fault_is_told_by_name_and_status(run: Run) -> None:
    done = run("sh", "-c", "crash null; echo $?; sh -c 'kill -9 $$'; echo $?; crash ud | cat")
    assert done.stdout == "139\n137\n"
    assert done.stderr == "Segmentation fault\nKilled\nIllegal instruction\n"


def test_exit_and_end_of_input_give_the_status(run: Run) -> None:
    assert run("sh", stdin="echo a\nexit 3\necho b\n").returncode == 3
    assert run("sh", stdin="true\nfalse\n").returncode == 1
    assert run("sh", stdin="").returncode == 0
    assert run("sh", "-c", "exit 300").returncode == 44


def test_a_command_gets_the_rest_of_a_piped_script(run: Run) -> None:
    done = run("sh", stdin="echo one; cat\nfor the cat\nand this\n")
    assert done.stdout == "one\nfor the cat\nand this\n"


def test_a_command_gets_the_rest_of_a_script_file(programs: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo one\ncat\nfor the cat\n")
    with script.open() as file:
        done = subprocess.run([programs / "sh"], stdin=file, capture_output=True, check=False,
                              env={"PATH": str(programs)})  # fmt: skip
    assert done.stdout == b"one\nfor the cat\n"


def test_a_script_file_has_arguments_and_runs_by_name(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0|$#|$1|$2"; for a in "$@"; do echo "$a"; done; exit 9\n')
    script.chmod(0o755)
    done = run("sh", "script", "a", "b c")
    assert (done.stdout, done.returncode) == ("script|2|a|b c\na\nb c\n", 9)
    assert run("sh", "-c", "./script x; echo $?").stdout == "./script|1|x|\nx\n9\n"


def test_a_broken_program_is_not_taken_for_a_script(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF echo no\n")
    broken.chmod(0o755)
    done = run("sh", "-c", "./broken")
    assert (done.stdout, done.returncode) == ("", 126)
    assert done.stderr == "sh: ./broken: Exec format error\n"


@pytest.mark.parametrize(
    "script",
    ["echo 'a", 'echo "a', "(echo", "if true; then", "echo |", "| cat", "echo >", ")", "fi",
     "for", "while true; done", "echo $(a", "{ echo;", "a <<b", "&& a", "(((" * 1000,
     "! " * 60_000],
)  # fmt: skip
def test_wrong_syntax_is_one_line_and_status_two(run: Run, script: str) -> None:
    done = run("sh", "-c", script)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("sh: syntax error: ")
    assert done.stderr.count("\n") == 1


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet="ab =$'\"\\(){}|&;<>*?[]!#~@1\n", max_size=40))
def test_no_text_brings_it_down(programs: Path, tmp_path: Path, text: str) -> None:
    done = subprocess.run(
        [programs / "sh", "-c", text], cwd=tmp_path, stdin=subprocess.DEVNULL, timeout=20,
        capture_output=True, env={"PATH": "/nonexistent"}, check=False,
    )  # fmt: skip
    assert done.returncode in range(128)
    assert b"Segmentation" not in done.stderr


def test_a_long_loop_does_not_eat_memory(run: Run) -> None:
    script = "for i in $(primes 5000); do X=$i; done; echo $X"
    assert run("sh", "-c", script).stdout == "4999\n"


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, programs: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(programs / "sh", ["sh"], {"PATH": str(programs)})
        self.seen = ""

    def wait_for(self, text: str, seconds: float = 10) -> str:
        """All that came up to the end of ``text``."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            ready = select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0]
            assert ready, f"{text!r} did not come, but {self.seen!r}"
            self.seen += os.read(self.fd, 4096).decode()
        before, self.seen = self.seen.split(text, 1)
        return before + text

    def type(self, text: str) -> None:
        """Send keys."""
        os.write(self.fd, text.encode())

    def status(self) -> int:
        """Exit status, once it ended."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(programs: Path) -> Iterator[Terminal]:
    terminal = Terminal(programs)
    yield terminal
    os.close(terminal.fd)
    try:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def test_a_terminal_gets_prompts_and_keeps_its_shell_after_ctrl_c(terminal: Terminal) -> None:
    terminal.wait_for("# ")
    terminal.type("never run\x03")
    terminal.wait_for("# ")
    terminal.type("sleep 30\n")
    terminal.wait_for("sleep 30\r\n")
    time.sleep(0.2)
    terminal.type("\x03")
    terminal.wait_for("# ")
    terminal.type("echo status $?\n")
    terminal.wait_for("status 130\r\n")
    terminal.type("if true\n")
    terminal.wait_for("> ")
    terminal.type("then exit 4; fi\n")
    assert terminal.status() == 4


def test_jobs_are_told_at_the_prompt(terminal: Terminal) -> None:
    terminal.wait_for("# ")
    terminal.type("sleep 30 &\n")
    number = terminal.wait_for("]\r\n").rsplit("[", 1)[1].split("]")[0]
    terminal.type(f"kill {number}; sleep 0.1\n")
    terminal.wait_for("# ")
    terminal.wait_for(f"[{number}] Terminated")
    terminal.type("\x04")
    assert terminal.status() == 0
