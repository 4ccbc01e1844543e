"""Small structures of file calls are laid out as on the host."""

from mpkernel.abi.structs import IoVec, PollFd
from tests.support.host_headers import misplaced


def test_structures_are_laid_out_as_the_hosts():
    assert not misplaced(IoVec, "struct iovec", ["sys/uio.h"])
    assert not misplaced(PollFd, "struct pollfd", ["poll.h"])
