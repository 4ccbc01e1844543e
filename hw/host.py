"""The only file that knows the host: processes, names, queues, polling.

Everything here is a thin statement of what the board needs from Linux. A process of the machine is
forked from the launcher, inherits its descriptors under the same numbers, and dies with it.

State: none; descriptors are numbers that every process of a machine shares.
Context: any; nothing here touches machine memory.
"""

import ctypes
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import posix_ipc

from hw.spec.layout import Layout, i32, layout, u16, u64

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_PR_SET_TIMERSLACK: Final = 29
_NS: Final = 1_000_000_000
#: Clock id of a process's CPU time: its number, and what clock_getcpuclockid adds.
_CPU_CLOCK_OF_PROCESS: Final = 2
_FALLOC_PUNCH_HOLE_KEEP_SIZE: Final = 3

POLLIN: Final = 0x001
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020


@layout(size=8)
class PollFd(Layout):
    """struct pollfd."""

    fd: i32  #: negative: ignored
    events: u16
    revents: u16


@layout(size=16)
class TimeSpec(Layout):
    """struct timespec."""

    seconds: u64
    nanoseconds: u64


#: What the terminal sends to its jobs; TTIN and TTOU would stop one in the background.
_TERMINAL_SIGNALS: Final = (
    signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip

_libc: Final = ctypes.CDLL(None)


def _symbol(name: str, library: str, result: Any, *arguments: Any) -> Any:
    """Return a libc function; before glibc 2.34 the queue calls stand in librt."""
    try:
        found = getattr(_libc, name)
    except AttributeError:
        found = getattr(ctypes.CDLL(library), name)
    found.restype = result
    found.argtypes = list(arguments)
    return found


_ppoll: Final = _symbol(
    "ppoll", "libc.so.6", ctypes.c_int,
    ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip
_prctl: Final = _symbol(
    "prctl", "libc.so.6", ctypes.c_int,
    ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong,
)  # fmt: skip
_mq_timedsend: Final = _symbol(
    "mq_timedsend", "librt.so.1", ctypes.c_int,
    ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_void_p,
)  # fmt: skip
_mq_timedreceive: Final = _symbol(
    "mq_timedreceive", "librt.so.1", ctypes.c_ssize_t,
    ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip
_fallocate: Final = _symbol(
    "fallocate", "libc.so.6", ctypes.c_int,
    ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64,
)  # fmt: skip
#: Gives the host CPU to somebody else; what a spinning process calls.
sched_yield: Final = os.sched_yield

#: A moment long past: a queue call with it returns at once. O_NONBLOCK would be set on the queue
#: for every process that shares it.
_PAST: Final = TimeSpec(0, 0)
_PAST_AT: Final = ctypes.addressof(_PAST)
_BYTE: Final = ctypes.create_string_buffer(1)


#: os.preadv or os.pwritev.
VectorCall = Callable[[int, Sequence[Any], int], int]


class Queue(Protocol):
    """A POSIX message queue, as posix_ipc hands it out."""

    mqd: int

    def close(self) -> None:
        """Close this process's descriptor."""


def create_queue(index: int) -> Queue:
    """Make a queue of one-byte messages whose name is gone when this returns.

    Raises:
        OSError: the host's limit of queues is reached.

    """
    name = f"/mpkernel-{os.getpid()}-{index}"
    try:
        queue: Queue = posix_ipc.MessageQueue(
            name, posix_ipc.O_CREX, mode=0o600, max_messages=4, max_message_size=1
        )
    except (posix_ipc.Error, ValueError, MemoryError) as error:
        raise OSError(f"cannot make a message queue: {error}") from error
    posix_ipc.unlink_message_queue(name)
    return queue


def queue_send(fd: int) -> None:
    """Put a byte into a queue; a full queue already says the same."""
    _mq_timedsend(fd, b"!", 1, 0, _PAST_AT)


def queue_take(fd: int) -> None:
    """Take a byte out of a queue without waiting; one left over wakes its sleeper once more."""
    _mq_timedreceive(fd, _BYTE, 1, None, _PAST_AT)


def poll_at(address: int, count: int, timeout_at: int) -> int:
    """Wait with ppoll on ``count`` PollFd at a host address.

    ``timeout_at`` is the host address of a TimeSpec, 0 for ever. Returns how many are ready; a
    signal counts as none.
    """
    ready: int = _ppoll(address, count, timeout_at or None, None)
    return max(ready, 0)


class PollSet:
    """Descriptors that one process waits for, each with a slot that can be switched off."""

    __slots__ = ("_address", "_fds", "_timeout", "_timeout_at")

    def __init__(self, fds: list[int]) -> None:
        self._fds = (PollFd * max(len(fds), 1))()
        for slot, fd in zip(self._fds, fds, strict=False):
            slot.fd = fd
            slot.events = POLLIN
        self._address = ctypes.addressof(self._fds)
        self._timeout = TimeSpec()
        self._timeout_at = ctypes.addressof(self._timeout)

    def want(self, slot: int, fd: int, events: int) -> None:
        """Wait on ``fd`` for ``events`` in this slot; -1 switches it off."""
        self._fds[slot].fd = fd
        self._fds[slot].events = events

    def wait(self, timeout_ns: int | None) -> bool:
        """Sleep until a slot is ready or the time is over; return whether one is."""
        at = 0
        if timeout_ns is not None:
            self._timeout.seconds, self._timeout.nanoseconds = divmod(max(timeout_ns, 0), _NS)
            at = self._timeout_at
        ready = poll_at(self._address, len(self._fds), at)
        if not ready:
            for slot in self._fds:
                slot.revents = 0
        return ready > 0

    def ready(self, slot: int) -> int:
        """Events of the last wait (POLL*), 0 for none."""
        events: int = self._fds[slot].revents
        return events


def punch_hole(fd: int, offset: int, size: int) -> bool:
    """Make a range of a file a hole; return False where the file system has none."""
    result: int = _fallocate(fd, _FALLOC_PUNCH_HOLE_KEEP_SIZE, offset, size)
    return result == 0


def name_process(name: str) -> None:
    """Name this process as ps and top show it (15 bytes)."""
    buffer = ctypes.create_string_buffer(name.encode()[:15])
    _prctl(_PR_SET_NAME, ctypes.addressof(buffer), 0, 0, 0)


def precise_timers() -> None:
    """Ask for wake-ups at their nanosecond instead of up to 50 us later."""
    _prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def memory_file(name: str) -> int:
    """Descriptor of a file without a name that is gone with its last descriptor."""
    return os.memfd_create(name, os.MFD_CLOEXEC)


def cpu_time_ns(pid: int) -> int | None:
    """CPU time that a process has used, None if there is no such process."""
    clock_id = (~pid << 3) | _CPU_CLOCK_OF_PROCESS
    try:
        return time.clock_gettime_ns(clock_id)
    except OSError:
        return None


def own_pidfd() -> int:
    """Descriptor that becomes readable, in whoever inherits it, when this process ends."""
    return os.pidfd_open(os.getpid())


def fork(
    name: str,
    main: Callable[[], int],
    *,
    death_signal: int = signal.SIGKILL,
    own_group: bool = True,
) -> int:
    """Start a process of the machine; return its pid.

    The child has its own process group (unless it must read the terminal), ignores the terminal's
    signals, gets ``death_signal`` when the launcher ends, and exits with what ``main`` returns. An
    exception that ``main`` lets out is printed and ends it with status 70.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    launcher = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        for number in _TERMINAL_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGWINCH, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        _prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != launcher:
            os._exit(71)
        if own_group:
            os.setpgid(0, 0)
        name_process(name)
        precise_timers()
        gc.disable()
        status = main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 70
    except BaseException:  # noqa: BLE001 - the top of a process: whatever came, it is the log's
        report(f"{name}: {traceback.format_exc()}")
    finally:
        os._exit(status)


def report(text: str) -> None:
    """Write a line to the host's standard error, whole, without buffers."""
    data = text.encode(errors="replace").rstrip(b"\n") + b"\n"
    while data:
        try:
            data = data[os.write(2, data) :]
        except OSError:
            return


def kill(pid: int) -> None:
    """End a process of the machine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
