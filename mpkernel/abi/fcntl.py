"""Flags and constants of file calls: open, fcntl, *at, lseek, poll.

Spec: Linux x86-64, include/uapi/asm-generic/fcntl.h, uapi/linux/fcntl.h, uapi/linux/fs.h.
State: none. Context: any.
"""

from typing import Final

O_ACCMODE: Final = 0o3
O_RDONLY: Final = 0o0
O_WRONLY: Final = 0o1
O_RDWR: Final = 0o2
O_CREAT: Final = 0o100
O_EXCL: Final = 0o200
O_NOCTTY: Final = 0o400
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
O_NONBLOCK: Final = 0o4000
O_LARGEFILE: Final = 0o100000
O_DIRECTORY: Final = 0o200000
O_NOFOLLOW: Final = 0o400000
O_CLOEXEC: Final = 0o2000000
O_PATH: Final = 0o10000000

#: Flags that F_SETFL may change.
O_SETTABLE: Final = O_APPEND | O_NONBLOCK

F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_SETPIPE_SZ: Final = 1031
F_GETPIPE_SZ: Final = 1032
F_DUPFD_CLOEXEC: Final = 1030
FD_CLOEXEC: Final = 1
CLOSE_RANGE_CLOEXEC: Final = 4

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_REMOVEDIR: Final = 0x200
AT_SYMLINK_FOLLOW: Final = 0x400
AT_EMPTY_PATH: Final = 0x1000
AT_EACCESS: Final = 0x200

SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2

# What access asks for.
R_OK: Final = 4
W_OK: Final = 2
X_OK: Final = 1

POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020

PATH_MAX: Final = 4096
NAME_MAX: Final = 255
SYMLOOP_MAX: Final = 40
IOV_MAX: Final = 1024
PIPE_BUF: Final = 4096
