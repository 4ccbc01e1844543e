"""The table of system calls: every call of Linux is here, or absent and listed as such.

A row: module of the handler, name, one letter an argument (i int32, l int64, u uint64), and how
the call goes on after a signal: "again" (SA_RESTART decides), "no-handler", "sleep".

State: none (constants). Context: any.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from mpkernel.abi.numbers import NAMES, NUMBERS
from mpkernel.sched.task import RESTART_CALL, RESTART_NO_HANDLER, RESTART_NONE, RESTART_SLEEP
from mpkernel.syscall import (
    descriptor,
    directory,
    file,
    info,
    memory,
    metadata,
    path,
    process,
    signals,
    time,
)

Handler = Callable[..., Awaitable[int]]

_MODULES: Final[dict[str, tuple[ModuleType, ...]]] = {
    "file": (file, descriptor, path, directory, metadata),
    "info": (info,),
    "memory": (memory,),
    "process": (process,),
    "signals": (signals,),
    "time": (time,),
}
_RESTARTS: Final = {
    "again": RESTART_CALL,
    "no-handler": RESTART_NO_HANDLER,
    "sleep": RESTART_SLEEP,
    "never": RESTART_NONE,
}
#: Handlers of calls whose names are taken in Python, or that do the same as another.
_ALIASES: Final = {
    "open": "open_",
    "pipe": "pipe_",
    "exit": "exit_",
    "geteuid": "getuid",
    "getgid": "getuid",
    "getegid": "getuid",
    "fdatasync": "fsync",
}

_ROWS: Final = """
file read iul
file write iul
file open uii
file close i
file stat uu
file fstat iu
file lstat uu
file poll uui no-handler
file lseek ili
file ioctl iuu
file pread64 iull
file pwrite64 iull
file readv iui
file writev iui
file access ui
file pipe u
file dup i
file dup2 ii
file sendfile iiuu
file fcntl iiu
file fsync i
file fdatasync i
file truncate ul
file ftruncate il
file getdents64 iuu
file getcwd uu
file chdir u
file fchdir i
file rename uu
file mkdir ui
file rmdir u
file creat ui
file link uu
file unlink u
file symlink uu
file readlink uuu
file chmod ui
file fchmod ii
file chown uii
file fchown iii
file lchown uii
file umask i
file sync -
file statfs uu
file fstatfs iu
file openat iuii
file mkdirat iui
file newfstatat iuui
file unlinkat iui
file renameat iuiu
file linkat iuiui
file symlinkat uiu
file readlinkat iuuu
file fchmodat iui
file fchownat iuiii
file faccessat iui
file faccessat2 iuii
file ppoll uuuuu no-handler
file select iuuuu no-handler
file pselect6 iuuuuu no-handler
file utimensat iuui
file utimes uu
file utime uu
file dup3 iii
file pipe2 ui
file statx iuiuu
file renameat2 iuiui
file close_range uui
file mknod uiu
file mknodat iuiu
file fadvise64 ilui
file flock ii
file copy_file_range iuiuui
file sync_file_range iluui
file preadv iuiul
file pwritev iuiul
file fallocate iill

memory mmap uuiiiu
memory mprotect uui
memory munmap uu
memory brk u
memory mremap uuui
memory msync uui
memory mincore uuu
memory madvise uui
memory membarrier iii

process sched_yield -
process getpid -
process clone uuuuu
process fork -
process vfork -
process execve uuu
process exit i
process wait4 iuiu
process getuid -
process getgid -
process geteuid -
process getegid -
process setpgid ii
process getppid -
process getpgrp -
process setsid -
process getpgid i
process getsid i
process prctl iu
process arch_prctl iu
process reboot uuu
process gettid -
process futex uiuuuu
process sched_setaffinity iuu
process sched_getaffinity iuu
process set_tid_address u
process exit_group i
process waitid iiuiu
process set_robust_list uu
process get_robust_list iuu

signals rt_sigaction iuuu
signals rt_sigprocmask iuuu
signals rt_sigreturn -
signals pause - no-handler
signals kill ii
signals rt_sigpending uu
signals rt_sigtimedwait uuuu never
signals rt_sigsuspend uu no-handler
signals sigaltstack uu
signals tkill ii
signals tgkill iii

time nanosleep uu sleep
time gettimeofday uu
time times u
time time u
time restart_syscall - sleep
time clock_gettime iu
time clock_getres iu
time clock_nanosleep iiuu sleep

info uname u
info getrlimit iu
info setrlimit iu
info getrusage iu
info sysinfo u
info prlimit64 iiuu
info getcpu uu
info getrandom uuu
info syslog iui
info getgroups iu
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that is there."""

    number: int
    name: str
    letters: str
    handler: Handler
    restart: int  #: RESTART_*


def _make() -> dict[int, Call]:
    """The rows, by number; a row without a handler in its module is absent."""
    calls = {}
    for row in filter(None, _ROWS.splitlines()):
        module, name, letters, *restart = row.split()
        wanted = _ALIASES.get(name, name)
        found = [vars(one)[wanted] for one in _MODULES[module] if wanted in vars(one)]
        if not found:
            continue
        number = NUMBERS[name]
        calls[number] = Call(
            number=number,
            name=name,
            letters=letters.strip("-"),
            handler=found[0],
            restart=_RESTARTS[restart[0] if restart else "again"],
        )
    return calls


TABLE: Final = _make()
#: Names of the calls that are not there: ENOSYS.
ABSENT: Final = tuple(name for number, name in NAMES.items() if number not in TABLE)
