"""Flags of file calls are the host's."""

from mpkernel.abi import fcntl
from tests.support.host_headers import differing

HEADERS = ["linux/fcntl.h", "linux/close_range.h", "linux/limits.h", "linux/uio.h", "linux/fs.h"]
#: Of the C library: access and poll have no header of the kernel that may stand beside those.
LIBRARY = ["unistd.h", "poll.h"]
ACCESS = {"R_OK", "W_OK", "X_OK"}
#: The kernel's own limits and sets, in no header.
OWN = {"O_SETTABLE", "SYMLOOP_MAX", "IOV_MAX"}


def _of_library() -> set[str]:
    return ACCESS | {name for name in vars(fcntl) if name.startswith("POLL")}


def test_constants_are_the_hosts():
    assert not differing(fcntl, HEADERS, without=OWN | _of_library())
    others = {name for name in vars(fcntl) if name not in _of_library()}
    assert not differing(fcntl, LIBRARY, without=others)


def test_limits():
    assert fcntl.SYMLOOP_MAX == 40
    assert fcntl.IOV_MAX == 1024
    assert fcntl.O_SETTABLE & (fcntl.O_ACCMODE | fcntl.O_CREAT | fcntl.O_CLOEXEC) == 0
