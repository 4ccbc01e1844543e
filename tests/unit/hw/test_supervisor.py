"""The launcher's signals while a machine runs; whole machines are in tests/system."""

import os
import signal

from hw.host import PollSet
from hw.supervisor import Signals


def test_signals_are_kept_and_wake_a_poll():
    with Signals() as signals:
        polls = PollSet([signals.fd])
        assert signals.take() == []
        assert not polls.wait(0)
        os.kill(os.getpid(), signal.SIGWINCH)
        os.kill(os.getpid(), signal.SIGTERM)
        assert polls.wait(1_000_000_000)
        assert sorted(signals.take()) == sorted([signal.SIGWINCH, signal.SIGTERM])
        assert signals.take() == []
        assert not polls.wait(0)


def test_handlers_come_back():
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    fds = sorted(os.listdir("/proc/self/fd"))
    with Signals():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert sorted(os.listdir("/proc/self/fd")) == fds
