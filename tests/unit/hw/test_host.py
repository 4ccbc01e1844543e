"""What the host gives: processes that die with their launcher, queues, polling, holes."""

import os
import time
from pathlib import Path

import pytest

from hw import host


def test_child_has_name_and_group_and_its_status_comes_back():
    read_fd, write_fd = os.pipe()

    def main() -> int:
        name = Path("/proc/self/comm").read_text().strip()
        os.write(write_fd, f"{name} {os.getpgid(0) == os.getpid()}".encode())
        return 7

    pid = host.fork("core 12", main)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert os.read(read_fd, 100) == b"core 12 True"
    os.close(read_fd)
    os.close(write_fd)


@pytest.mark.parametrize(("error", "status"), [(ValueError("x"), 70), (SystemExit(72), 72)])
def test_exception_of_a_child(error: BaseException, status: int, capfd: pytest.CaptureFixture[str]):
    def main() -> int:
        raise error

    pid = host.fork("core 0", main)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
    assert ("ValueError" in capfd.readouterr().err) == (status == 70)


def test_own_pidfd_tells_whoever_inherits_it():
    read_fd, write_fd = os.pipe()
    started_fd, ready_fd = os.pipe()
    launcher = os.fork()
    if not launcher:
        fd = host.own_pidfd()

        def main() -> int:
            polls = host.PollSet([fd])
            os.write(ready_fd, b"!")
            os.write(write_fd, b"1" if polls.wait(5_000_000_000) else b"0")
            return 0

        host.fork("orphan", main, death_signal=0)
        os.read(started_fd, 1)
        os._exit(0)
    os.waitpid(launcher, 0)
    assert os.read(read_fd, 1) == b"1"
    for pipe_fd in (read_fd, write_fd, started_fd, ready_fd):
        os.close(pipe_fd)


def test_poll_set_slots():
    read_fd, write_fd = os.pipe()
    polls = host.PollSet([read_fd, -1])
    polls.want(1, write_fd, host.POLLOUT)
    assert polls.wait(0)
    assert (polls.ready(0), polls.ready(1)) == (0, host.POLLOUT)
    polls.want(1, -1, 0)
    began = time.monotonic()
    assert not polls.wait(20_000_000)
    assert 0.02 <= time.monotonic() - began < 0.5
    os.write(write_fd, b"x")
    assert polls.wait(None)
    assert polls.ready(0) == host.POLLIN
    os.close(read_fd)
    os.close(write_fd)


def test_full_queue_is_no_error_and_no_wait():
    queue = host.create_queue(99)
    began = time.monotonic()
    for _ in range(20):
        host.queue_send(queue.mqd)
    polls = host.PollSet([queue.mqd])
    taken = 0
    while polls.wait(0):
        host.queue_take(queue.mqd)
        taken += 1
    host.queue_take(queue.mqd)
    assert taken == 4
    assert time.monotonic() - began < 1
    queue.close()


def test_hole(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 16384)
    fd = os.open(path, os.O_RDWR)
    if host.punch_hole(fd, 4096, 8192):
        assert path.read_bytes() == b"x" * 4096 + bytes(8192) + b"x" * 4096
    assert not host.punch_hole(-1, 0, 1)
    os.close(fd)


def test_cpu_time_of_a_process_rises_while_it_runs():
    before = host.cpu_time_ns(os.getpid())
    assert before is not None
    while host.cpu_time_ns(os.getpid()) == before:
        pass
    assert host.cpu_time_ns(2**22) is None
