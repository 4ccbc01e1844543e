"""Small structures that file calls pass by pointer: iovec, pollfd.

Spec: Linux x86-64, uapi/linux/uio.h, asm-generic/poll.h. State: none. Context: any.
"""

from hw.spec.layout import Layout, layout, u16, u32, u64


@layout(size=16)
class IoVec(Layout):
    """One buffer of readv and writev."""

    iov_base: u64
    iov_len: u64


@layout(size=8)
class PollFd(Layout):
    """One file of poll."""

    fd: u32  #: int
    events: u16  #: asked for
    revents: u16  #: there
