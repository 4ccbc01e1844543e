"""Programs about files: echo, cat, ls, mapfile."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_echo_puts_a_space_between(run: Run) -> None:
    assert run("echo", "a", "b  c").stdout == "a b  c\n"
    assert run("echo", "-n", "a").stdout == "a"
    assert run("echo").stdout == "\n"
    assert run("echo", "x" * 100_000).stdout == "x" * 100_000 + "\n"


def test_cat_copies_bytes_and_goes_on_after_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\n")
    (tmp_path / "b").write_text("two\n" * 10_000)
    done = run("cat", "a", "absent", "-", "b", stdin="typed\n")
    assert done.stdout == "one\ntyped\n" + "two\n" * 10_000
    assert done.stderr == "cat: absent: No such file or directory\n"
    assert done.returncode == 1
    assert run("cat", ".").stderr == "cat: .: Is a directory\n"
    assert run("cat", stdin="all of it").stdout == "all of it"


def test_output_that_cannot_be_written_is_an_error(programs: Path) -> None:
    with open("/dev/full", "w", encoding="ascii") as full:
        for command in (["echo", "x"], ["primes", "100"]):
            done = subprocess.run([programs / command[0], *command[1:]], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
            assert done.returncode == 1
            assert "No space left on device" in done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files of all sorts."""
    for index in range(300):
        (tmp_path / f"file{index * 7919 % 1000}").write_text("x" * index)
    (tmp_path / ".hidden").touch()
    (tmp_path / "sub").mkdir(mode=0o700)
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)
    (tmp_path / "link").symlink_to("a/far/target")
    (tmp_path / "setuid").touch()
    (tmp_path / "setuid").chmod(0o4755)
    os.mkfifo(tmp_path / "fifo")
    for seconds in (0, 951782400, 4107542399, 86399, -1):
        file = tmp_path / f"time{seconds}"
        file.touch()
        os.utime(file, (seconds, seconds))
    return tmp_path


@pytest.mark.parametrize("options", [(), ("-a",)])
def test_ls_lists_names_as_the_host_does(run: Run, folder: Path, options: tuple[str, ...]) -> None:
    host = subprocess.check_output(["ls", *options], cwd=folder, text=True, env={"LC_ALL": "C"})
    assert run("ls", *options).stdout == host


def test_ls_long_shows_what_the_host_does(run: Run, folder: Path) -> None:
    host = subprocess.check_output(
        ["ls", "-lan", "--time-style=+%Y-%m-%d %H:%M"], cwd=folder, text=True,
        env={"LC_ALL": "C", "TZ": "UTC0"},
    )  # fmt: skip
    assert [line.split() for line in run("ls", "-la").stdout.splitlines()] == [
        line.split() for line in host.splitlines()[1:]
    ]


def test_ls_of_several_paths(run: Run, folder: Path) -> None:
    (folder / "sub" / "inner").touch()
    done = run("ls", "sub", "setuid", "absent", "sticky")
    assert done.stdout == "setuid\n\nsub:\ninner\n\nsticky:\n"
    assert done.stderr == "ls: absent: No such file or directory\n"
    assert done.returncode == 1
    assert run("ls", "-x").returncode == 2


def test_ls_long_knows_devices(run: Run) -> None:
    assert run("ls", "-l", "/dev/null").stdout.split()[:6] == [
        "crw-rw-rw-", "1", "0", "0", "1,", "3",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 100_001])
def test_mapfile_adds_up_all_bytes(run: Run, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert run("mapfile", "file").stdout == (
        f"{size} bytes, {-(-size // 4096)} pages, sum {sum(content)}\n"
    )
    assert (tmp_path / "file").read_bytes() == content


def test_mapfile_refuses_what_cannot_be_mapped(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert run("mapfile", "empty").stderr == "mapfile: empty: there is nothing to map\n"
    assert run("mapfile", "absent").returncode == 1


def test_wc_counts_as_the_host_does(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one two\n\tthree\x0cfour\r\n\nno end")
    (tmp_path / "b").write_bytes(b"word " * 20_000 + b"\n")
    host = subprocess.check_output(["wc", "a", "b"], cwd=tmp_path, text=True, env={"LC_ALL": "C"})
    ours = run("wc", "a", "b").stdout
    assert [line.split() for line in ours.splitlines()] == [
        line.split() for line in host.splitlines()
    ]
    assert run("wc", stdin="a b\n").stdout.split() == ["1", "2", "4"]
    assert run("wc", "absent").returncode == 1


def test_mkdir_and_rm(run: Run, tmp_path: Path) -> None:
    assert run("mkdir", "a", "a/b", "a/b/c").returncode == 0
    assert run("mkdir", "a").stderr == "mkdir: a: File exists\n"
    for index in range(200):
        (tmp_path / "a" / "b" / f"file{index}").touch()
    (tmp_path / "kept").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "kept")
    assert run("rm", "a").stderr == "rm: a: Is a directory\n"
    assert run("rm", "a/b/file0", "absent").stderr == "rm: absent: No such file or directory\n"
    assert not (tmp_path / "a" / "b" / "file0").exists()
    assert run("rm", "-rf", "a", "absent").returncode == 0
    assert os.listdir(tmp_path) == ["kept"]


def test_the_shell_of_the_host_is_not_needed(programs: Path) -> None:
    assert shutil.which("sh", path=os.fspath(programs)) == os.fspath(programs / "sh")
