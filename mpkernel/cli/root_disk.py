"""The root disk that a user names, looked at before a machine starts.

The kernel's own ext2 code reads the image as a file of the host: what it would refuse to mount is
refused here, in one line, and the image is only read.

State: none. Context: the launcher.
"""

import os
from pathlib import Path

import click

from mpkernel.abi.errno import SysError
from mpkernel.fs.ext2.geometry import VolumeError
from mpkernel.fs.ext2.volume import open_volume


class HostFile:
    """Bytes of a file of the host; reading never sleeps."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size_bytes = os.lseek(fd, 0, os.SEEK_END)

    async def read(self, offset: int, size: int) -> bytes:
        """Return the bytes at an offset, fewer at the end."""
        return os.pread(self._fd, size, offset)


def check_root(path: Path) -> None:
    """Look at an image.

    Raises:
        ClickException: it is no volume that can be the root.
        OSError: it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        opening = open_volume(HostFile(fd))
        try:
            opening.send(None)
        except StopIteration:
            return
        except (VolumeError, SysError) as error:
            raise click.ClickException(f"{path} cannot be the root disk: {error}") from None
        finally:
            opening.close()
    finally:
        os.close(fd)
